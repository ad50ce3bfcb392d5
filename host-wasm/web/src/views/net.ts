// A picture of a graph.

import { count } from "../dom";
import { still } from "../theme";
import { type Body, Layout, type Spring } from "./layout";

export interface NetEdge { from: string; to: string; weight: number }
interface Node extends Body { id: string; weight: number; source: boolean; radius: number; main: boolean }
interface Link extends Spring { source: Node; target: Node; weight: number; width: number; key: string }

const SVG = "http://www.w3.org/2000/svg";

/** Changes as the graph does; nodes stay where they are. */
export class Net {
  readonly svg = document.createElementNS(SVG, "svg");
  private readonly root = document.createElementNS(SVG, "g");
  private nodes: Node[] = [];
  private links: Link[] = [];
  private readonly layout = new Layout<Node>(() => this.place());
  private edgeMarks: SVGElement[] = [];
  private nodeMarks: SVGElement[] = [];
  private names: { node: Node; text: SVGElement; half: number }[] = [];
  private hovered: string | undefined;
  private view = { x: 0, y: 0, scale: 1 };
  /** Half of the frame's width and height, and its units in a pixel. */
  private extent = { x: 450, y: 300, scale: 1 };
  /** Whether edges point somewhere. */
  directed = true;
  private grabbed: { node: Node | undefined; from: { x: number; y: number }; view: { x: number; y: number; scale: number } } | undefined;

  constructor(private readonly tell: (text: string) => void) {
    this.svg.classList.add("net");
    this.svg.setAttribute("role", "application");
    this.svg.setAttribute("tabindex", "0");
    this.svg.append(this.root);
    this.svg.addEventListener("keydown", (event) => this.key(event));
    this.svg.addEventListener("blur", () => this.hover(undefined));
    this.svg.addEventListener("wheel", (event) => this.zoom(event), { passive: false });
    this.svg.addEventListener("dblclick", () => this.look(0, 0, 1));
    this.svg.addEventListener("pointerdown", (event) => this.grab(event));
    this.svg.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) this.svg.addEventListener(end, () => this.release());
    this.svg.addEventListener("pointerover", (event) => this.point(event.target as Element));
    this.svg.addEventListener("pointerleave", () => this.hover(undefined));
    new ResizeObserver(() => this.frame()).observe(this.svg);
  }

  stop(): void {
    this.layout.stop();
  }

  go(): void {
    if (this.nodes.length === 0) return;
    if (still.matches) this.layout.settle();
    else this.layout.run();
  }

  /** Shows these edges. */
  set(edges: NetEdge[]): void {
    const old = new Map(this.nodes.map((node) => [node.id, node]));
    const nodes = new Map<string, Node>();
    const node = (id: string, source: boolean, weight: number): Node => {
      let found = nodes.get(id);
      if (!found) {
        const before = old.get(id);
        const fresh = { weight: 0, degree: 0, source: false };
        found = before ? Object.assign(before, fresh) : { id, ...fresh, main: false, radius: 0, room: 0, push: 0, hold: 0, x: NaN, y: NaN, vx: 0, vy: 0, pinned: undefined };
        nodes.set(id, found);
      }
      found.weight += weight;
      found.degree += 1;
      found.source ||= source;
      return found;
    };
    const heaviest = Math.max(1, ...edges.map((edge) => edge.weight));
    this.links = edges.map(({ from, to, weight }) => ({ source: node(from, true, weight), target: node(to, false, weight), weight, width: 1 + 9 * Math.sqrt(weight / heaviest), length: 0, strength: 0, key: `${from} → ${to}` }));
    const largest = Math.max(1, ...[...nodes.values()].map((each) => each.weight));
    const changed = nodes.size !== this.nodes.length || [...nodes.keys()].some((id) => !old.has(id));
    this.nodes = [...nodes.values()];
    for (const each of this.nodes) {
      each.radius = 5 + 19 * Math.sqrt(each.weight / largest);
      each.room = each.radius + 6;
    }
    for (const link of this.links) {
      link.length = 70 + link.source.radius + link.target.radius;
      // More than this on a node of many edges, and the layout swings ever wider.
      link.strength = (0.4 + 0.6 * (link.weight / heaviest)) / Math.min(link.source.degree, link.target.degree);
    }
    const fresh = this.nodes.filter(({ x }) => Number.isNaN(x)).length;
    if (old.size) this.links.forEach(({ source, target }, i) => { beside(source, target, i); beside(target, source, i); });
    this.layout.set(this.nodes, this.links);
    this.svg.setAttribute("aria-label", `Graph of ${this.nodes.length} nodes and ${this.links.length} edges; the table has the heaviest.`);
    this.render();
    if (!changed) return;
    this.markMain();
    // What is new finds its place without stirring up all the rest.
    this.layout.warm(Math.max(0.08, fresh / Math.max(1, this.nodes.length)));
    this.pull();
    this.go();
  }

  /** Marks the nodes that hang together with the heaviest one. */
  private markMain(): void {
    for (const node of this.nodes) node.main = false;
    const heaviest = this.heaviest()[0];
    if (heaviest) heaviest.main = true;
    for (let grew = true; grew; ) {
      grew = false;
      for (const { source, target } of this.links) {
        if (source.main === target.main) continue;
        source.main = target.main = grew = true;
      }
    }
  }

  /** Towards the middle, as the frame is wide; what hangs on nothing would drift away, and is held tighter. */
  private pull(): void {
    const wide = this.extent.x / this.extent.y;
    const room = Math.min(2, Math.max(1, Math.sqrt(this.extent.x * this.extent.y) / 370));
    for (const node of this.nodes) {
      node.push = room * room * (160 + node.radius * 18);
      node.hold = node.main ? 1 : 2.5;
    }
    this.layout.forces = { reach: 360 * room, x: 0.045 / Math.max(wide, 0.7), y: 0.045 * Math.min(wide, 1.6) };
  }

  /** What is shown, as a drawing that stands for itself. */
  toSvg(): string {
    const copy = this.svg.cloneNode(true) as SVGSVGElement;
    copy.setAttribute("xmlns", SVG);
    const [from, to] = [this.svg.querySelectorAll("*"), copy.querySelectorAll("*")];
    from.forEach((element, i) => {
      const computed = getComputedStyle(element);
      const style = ["fill", "stroke", "stroke-width", "stroke-opacity", "opacity", "font-size", "font-family", "paint-order", "text-anchor"];
      for (const name of style) to[i]?.setAttribute(name, computed.getPropertyValue(name));
    });
    const { x, y } = this.extent;
    copy.prepend(mark("rect", { x: `${-x}`, y: `${-y}`, width: `${2 * x}`, height: `${2 * y}`, fill: getComputedStyle(document.documentElement).getPropertyValue("--card") }));
    for (const name of ["class", "tabindex", "role"]) copy.removeAttribute(name);
    return new XMLSerializer().serializeToString(copy);
  }

  private frame(): void {
    const { clientWidth: w, clientHeight: h } = this.svg;
    if (w === 0) return;
    // Room for as much as 900 by 600, whatever the screen.
    const scale = Math.max(1, 760 / w, 520 / h);
    this.extent = { x: (w * scale) / 2, y: (h * scale) / 2, scale };
    this.svg.setAttribute("viewBox", `${-this.extent.x} ${-this.extent.y} ${w * scale} ${h * scale}`);
    this.pull();
    this.render();
    this.go();
  }

  /** Makes as many elements as there are nodes and edges; `place` puts them where they belong. */
  private render(): void {
    // Names of the heavy ones only: the others are told when pointed at.
    const { scale } = this.extent;
    const named = this.heaviest().slice(0, Math.round(24 / scale));
    this.root.setAttribute("font-size", (12.5 * scale).toFixed(1));
    this.edgeMarks = this.links.map((link) => mark("path", { class: "edge", "stroke-width": link.width.toFixed(2) }));
    this.nodeMarks = this.nodes.map((node) => mark("circle", { class: `node${node.source ? " source" : ""}`, r: node.radius.toFixed(1), "data-node": node.id }));
    this.names = named.map((node) => {
      const text = mark("text", { "text-anchor": "middle" });
      const name = node.id.length > 28 ? `${node.id.slice(0, 27)}…` : node.id;
      text.textContent = name;
      // About half as wide as it is; measuring it would lay out the page.
      return { node, text, half: 3.6 * scale * name.length };
    });
    this.root.replaceChildren(...this.edgeMarks, ...this.nodeMarks, ...this.names.map(({ text }) => text));
    this.place();
    // Unless it has gone.
    if (this.hovered) this.hover(this.nodes.find((node) => node.id === this.hovered)?.id);
  }

  private heaviest(): Node[] {
    return [...this.nodes].sort((p, q) => q.weight - p.weight);
  }

  private key(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const zoom = { "+": 1.25, "=": 1.25, "-": 0.8 }[event.key];
    if (step) {
      const nodes = this.heaviest();
      const at = nodes.findIndex((node) => node.id === this.hovered);
      this.hover(nodes[at < 0 ? 0 : (at + step + nodes.length) % nodes.length]?.id);
    } else if (zoom) this.zoomTo(this.view.scale * zoom, { x: 0, y: 0 });
    else if (event.key === "0") this.look(0, 0, 1);
    else if (event.key === "Escape") this.hover(undefined);
    else return;
    event.preventDefault();
  }

  private point(target: Element): void {
    if (this.grabbed) return;
    const link = this.links[this.edgeMarks.indexOf(target as SVGElement)];
    const node = this.nodes[this.nodeMarks.indexOf(target as SVGElement)];
    this.hover(node?.id, link && `${link.key}: ${count(link.weight)}`);
  }

  private hover(id: string | undefined, text?: string): void {
    this.hovered = id;
    const touches = (link: Link): boolean => link.source.id === id || link.target.id === id;
    const near = new Set(this.links.filter(touches).flatMap((link) => [link.source.id, link.target.id]));
    const away = (node: Node): boolean => id !== undefined && node.id !== id && !near.has(node.id);
    this.nodes.forEach((node, i) => this.nodeMarks[i]?.classList.toggle("faded", away(node)));
    this.names.forEach(({ node, text }) => text.classList.toggle("faded", away(node)));
    this.links.forEach((link, i) => {
      this.edgeMarks[i]?.classList.toggle("hot", touches(link));
      this.edgeMarks[i]?.classList.toggle("faded", id !== undefined && !touches(link));
    });
    const node = this.nodes.find((each) => each.id === id);
    this.tell(text ?? (node ? `${node.id}: weight ${count(node.weight)}, ${near.size - 1} neighbours` : ""));
  }

  private look(x: number, y: number, scale: number): void {
    this.view = { x, y, scale };
    this.root.setAttribute("transform", `translate(${x},${y}) scale(${scale})`);
  }

  /** Where the pointer is, in the drawing's own units. */
  private at(event: MouseEvent): { x: number; y: number } {
    const matrix = this.svg.getScreenCTM();
    return matrix ? new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse()) : { x: 0, y: 0 };
  }

  private zoom(event: WheelEvent): void {
    event.preventDefault();
    this.zoomTo(this.view.scale * 2 ** (-event.deltaY / 400), this.at(event));
  }

  /** Zooms about a place that stays where it is. */
  private zoomTo(wanted: number, at: { x: number; y: number }): void {
    const { x, y, scale } = this.view;
    const next = Math.min(6, Math.max(0.3, wanted));
    this.look(at.x - ((at.x - x) * next) / scale, at.y - ((at.y - y) * next) / scale, next);
  }

  private grab(event: PointerEvent): void {
    this.grabbed = { node: this.nodes[this.nodeMarks.indexOf(event.target as SVGElement)], from: this.at(event), view: { ...this.view } };
    this.svg.setPointerCapture(event.pointerId);
  }

  private drag(event: PointerEvent): void {
    if (!this.grabbed) return;
    const { node, from, view } = this.grabbed;
    const at = this.at(event);
    if (node) {
      node.pinned = { x: (at.x - view.x) / view.scale, y: (at.y - view.y) / view.scale };
      this.layout.keepWarm(0.2);
      this.layout.run();
    } else this.look(view.x + at.x - from.x, view.y + at.y - from.y, view.scale);
  }

  private release(): void {
    if (this.grabbed?.node) this.grabbed.node.pinned = undefined;
    this.grabbed = undefined;
    this.layout.keepWarm(0);
  }

  private place(): void {
    // Nothing leaves the frame, but what somebody drags out of it.
    const [right, bottom] = [this.extent.x - 40, this.extent.y - 24];
    for (const node of this.nodes) {
      if (node.pinned) continue;
      node.x = Math.min(right, Math.max(-right, node.x));
      node.y = Math.min(bottom, Math.max(-bottom, node.y));
    }
    this.links.forEach(({ source: s, target: t, width }, i) => {
      const [sx, sy, tx, ty] = [s.x, s.y, t.x, t.y];
      // Bent to the right, so that A to B and B to A are two.
      const [bx, by] = [(sx + tx) / 2 - (ty - sy) * 0.12, (sy + ty) / 2 + (tx - sx) * 0.12];
      const head = this.directed ? arrow(bx, by, t, 4 + 1.2 * width) : "";
      this.edgeMarks[i]?.setAttribute("d", `M${point(sx, sy)}Q${point(bx, by)} ${point(tx, ty)}${head}`);
    });
    this.nodes.forEach((node, i) => put(this.nodeMarks[i], "cx", "cy", node.x, node.y));
    this.names.forEach(({ node, text, half }) => {
      const room = Math.max(0, this.extent.x - half);
      const top = 14 * this.extent.scale - this.extent.y;
      put(text, "x", "y", Math.min(room, Math.max(-room, node.x)), Math.max(top, node.y - node.radius - 5));
    });
  }
}

const point = (x: number, y: number): string => `${x.toFixed(1)},${y.toFixed(1)}`;

/** A node without a place gets one by a neighbour that has. */
function beside(node: Node, neighbour: Node, turn: number): void {
  if (!Number.isNaN(node.x) || Number.isNaN(neighbour.x)) return;
  const distance = 30 + node.radius + neighbour.radius;
  [node.x, node.y] = [neighbour.x + distance * Math.cos(2.4 * turn), neighbour.y + distance * Math.sin(2.4 * turn)];
}

/** The head of an arrow that comes from a place, and ends at the rim of a node. */
function arrow(fromX: number, fromY: number, { x, y, radius }: Node, size: number): string {
  const length = Math.hypot(x - fromX, y - fromY) || 1;
  const [dx, dy] = [(x - fromX) / length, (y - fromY) / length];
  const [tipX, tipY] = [x - dx * (radius + 1), y - dy * (radius + 1)];
  const wing = (side: number): string => point(tipX - (dx + 0.55 * side * dy) * size, tipY - (dy - 0.55 * side * dx) * size);
  return `M${wing(1)}L${point(tipX, tipY)}L${wing(-1)}`;
}

function mark(name: "path" | "circle" | "text" | "rect", attributes: Record<string, string>): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function put(element: SVGElement | undefined, x: string, y: string, left: number, top: number): void {
  element?.setAttribute(x, left.toFixed(1));
  element?.setAttribute(y, top.toFixed(1));
}

/** Lets the reader keep a file. */
export function save(name: string, type: string, content: string): void {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  [link.href, link.download] = [address, name];
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
