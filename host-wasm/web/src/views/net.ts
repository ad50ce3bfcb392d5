// A graph as d3-force lays it out.

import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY, type SimulationLinkDatum, type SimulationNodeDatum } from "d3-force";
import { count } from "../dom";

export interface NetEdge { from: string; to: string; weight: number }
interface Node extends SimulationNodeDatum { id: string; weight: number; degree: number; source: boolean; radius: number }
interface Link extends SimulationLinkDatum<Node> { source: Node; target: Node; weight: number; width: number; key: string }

const SVG = "http://www.w3.org/2000/svg";

/** A force layout that changes as the graph does; nodes stay where they are. */
export class Net {
  readonly svg = document.createElementNS(SVG, "svg");
  private readonly root = document.createElementNS(SVG, "g");
  private nodes: Node[] = [];
  private links: Link[] = [];
  private readonly simulation = forceSimulation<Node, Link>();
  private edgeMarks: SVGElement[] = [];
  private nodeMarks: SVGElement[] = [];
  private names: { node: Node; text: SVGElement }[] = [];
  private hovered: string | undefined;
  private view = { x: 0, y: 0, scale: 1 };
  private grabbed: { node: Node | undefined; from: { x: number; y: number }; view: { x: number; y: number; scale: number } } | undefined;

  constructor(private readonly tell: (text: string) => void) {
    this.svg.classList.add("net");
    this.svg.setAttribute("role", "img");
    this.svg.append(this.root);
    this.simulation
      .force("charge", forceManyBody<Node>().strength((node) => -160 - node.radius * 18).distanceMax(700))
      .force("x", forceX<Node>().strength(0.06))
      .force("y", forceY<Node>().strength(0.09))
      .force("collide", forceCollide<Node>((node) => node.radius + 6))
      .alphaDecay(0.03)
      .on("tick", () => this.place());
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
    this.simulation.stop();
  }

  go(): void {
    if (this.nodes.length) this.simulation.restart();
  }

  /** Shows these edges. */
  set(edges: NetEdge[]): void {
    const old = new Map(this.nodes.map((node) => [node.id, node]));
    const nodes = new Map<string, Node>();
    const node = (id: string, source: boolean, weight: number): Node => {
      let found = nodes.get(id);
      if (!found) {
        const before = old.get(id);
        found = before ? Object.assign(before, { weight: 0, degree: 0, source: false }) : { id, weight: 0, degree: 0, source: false, radius: 4 };
        nodes.set(id, found);
      }
      found.weight += weight;
      found.degree += 1;
      found.source ||= source;
      return found;
    };
    const heaviest = Math.max(1, ...edges.map((edge) => edge.weight));
    this.links = edges.map(({ from, to, weight }) => ({ source: node(from, true, weight), target: node(to, false, weight), weight, width: 1 + 9 * Math.sqrt(weight / heaviest), key: `${from} → ${to}` }));
    // More than this on a node of many edges, and the layout swings ever wider.
    const pull = (link: Link): number => (0.4 + 0.6 * (link.weight / heaviest)) / Math.min(link.source.degree, link.target.degree);
    const largest = Math.max(1, ...[...nodes.values()].map((each) => each.weight));
    const changed = nodes.size !== this.nodes.length || [...nodes.keys()].some((id) => !old.has(id));
    this.nodes = [...nodes.values()];
    for (const each of this.nodes) each.radius = 5 + 19 * Math.sqrt(each.weight / largest);
    this.simulation.nodes(this.nodes).force("link", forceLink<Node, Link>(this.links).distance((link) => 70 + link.source.radius + link.target.radius).strength(pull));
    this.svg.setAttribute("aria-label", `Graph of ${this.nodes.length} nodes and ${this.links.length} edges; the table has the heaviest.`);
    this.render();
    if (changed) this.simulation.alpha(Math.max(this.simulation.alpha(), old.size ? 0.3 : 1)).restart();
  }

  /** What is shown, as a drawing that stands for itself. */
  toSvg(): string {
    const copy = this.svg.cloneNode(true) as SVGSVGElement;
    copy.setAttribute("xmlns", SVG);
    copy.style.background = getComputedStyle(document.documentElement).getPropertyValue("--card");
    const [from, to] = [this.svg.querySelectorAll("*"), copy.querySelectorAll("*")];
    from.forEach((element, i) => {
      const computed = getComputedStyle(element);
      const style = ["fill", "stroke", "stroke-width", "stroke-opacity", "opacity", "font-size", "font-family", "paint-order", "text-anchor"];
      to[i]?.setAttribute("style", style.map((name) => `${name}:${computed.getPropertyValue(name)}`).join(";"));
    });
    return new XMLSerializer().serializeToString(copy);
  }

  private frame(): void {
    const { clientWidth: w, clientHeight: h } = this.svg;
    if (w === 0) return;
    // Room for as much as 900 by 600, whatever the screen.
    const scale = Math.max(1, 760 / w, 520 / h);
    this.svg.setAttribute("viewBox", `${(-w * scale) / 2} ${(-h * scale) / 2} ${w * scale} ${h * scale}`);
    const wide = w / h;
    this.simulation.force("x", forceX<Node>().strength(0.045 / Math.max(wide, 0.7)));
    this.simulation.force("y", forceY<Node>().strength(0.045 * Math.min(wide, 1.6)));
    this.go();
  }

  /** Makes as many elements as there are nodes and edges; `place` puts them where they belong. */
  private render(): void {
    // Names of the heavy ones only: the others are told when pointed at.
    const named = [...this.nodes].sort((p, q) => q.weight - p.weight).slice(0, 22);
    this.edgeMarks = this.links.map((link) => mark("path", { class: "edge", "stroke-width": link.width.toFixed(2) }));
    this.nodeMarks = this.nodes.map((node) => mark("circle", { class: `node${node.source ? " source" : ""}`, r: node.radius.toFixed(1) }));
    this.names = named.map((node) => {
      const text = mark("text", { "text-anchor": "middle" });
      text.textContent = node.id.length > 28 ? `${node.id.slice(0, 27)}…` : node.id;
      return { node, text };
    });
    this.root.replaceChildren(...this.edgeMarks, ...this.nodeMarks, ...this.names.map(({ text }) => text));
    this.place();
    if (this.hovered) this.hover(this.hovered);
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
    const { x, y, scale } = this.view;
    const next = Math.min(6, Math.max(0.3, scale * 2 ** (-event.deltaY / 400)));
    const at = this.at(event);
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
      [node.fx, node.fy] = [(at.x - view.x) / view.scale, (at.y - view.y) / view.scale];
      this.simulation.alphaTarget(0.2).restart();
    } else this.look(view.x + at.x - from.x, view.y + at.y - from.y, view.scale);
  }

  private release(): void {
    const node = this.grabbed?.node;
    if (node) [node.fx, node.fy] = [null, null];
    this.grabbed = undefined;
    this.simulation.alphaTarget(0);
  }

  private place(): void {
    this.links.forEach(({ source: s, target: t }, i) => {
      const [sx, sy, tx, ty] = [s.x ?? 0, s.y ?? 0, t.x ?? 0, t.y ?? 0];
      // Bent to the right, so that A to B and B to A are two.
      const bend = `${((sx + tx) / 2 - (ty - sy) * 0.12).toFixed(1)},${((sy + ty) / 2 + (tx - sx) * 0.12).toFixed(1)}`;
      this.edgeMarks[i]?.setAttribute("d", `M${sx.toFixed(1)},${sy.toFixed(1)}Q${bend} ${tx.toFixed(1)},${ty.toFixed(1)}`);
    });
    this.nodes.forEach((node, i) => put(this.nodeMarks[i], "cx", "cy", node.x ?? 0, node.y ?? 0));
    this.names.forEach(({ node, text }) => put(text, "x", "y", node.x ?? 0, (node.y ?? 0) - node.radius - 5));
  }
}

function mark(name: "path" | "circle" | "text", attributes: Record<string, string>): SVGElement {
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
