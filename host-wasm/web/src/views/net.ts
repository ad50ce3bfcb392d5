// A graph as d3-force lays it out.

import { drag } from "d3-drag";
import { forceCollide, forceLink, forceManyBody, forceSimulation, forceX, forceY, type SimulationLinkDatum, type SimulationNodeDatum } from "d3-force";
import { select } from "d3-selection";
import { zoom, zoomIdentity } from "d3-zoom";
import { count } from "../dom";

export interface NetEdge { from: string; to: string; weight: number }
interface Node extends SimulationNodeDatum { id: string; weight: number; source: boolean; radius: number }
interface Link extends SimulationLinkDatum<Node> { source: Node; target: Node; weight: number; width: number; key: string }

const SVG = "http://www.w3.org/2000/svg";

/** A force layout that changes as the graph does; nodes stay where they are. */
export class Net {
  readonly svg = document.createElementNS(SVG, "svg");
  private readonly root = document.createElementNS(SVG, "g");
  private nodes: Node[] = [];
  private links: Link[] = [];
  private readonly simulation = forceSimulation<Node, Link>();
  private hovered: string | undefined;

  constructor(private readonly tell: (text: string) => void) {
    this.svg.classList.add("net");
    this.svg.setAttribute("role", "img");
    this.svg.append(this.root);
    this.simulation
      .force("charge", forceManyBody<Node>().strength((node) => -90 - node.radius * 14).distanceMax(500))
      .force("x", forceX<Node>().strength(0.06))
      .force("y", forceY<Node>().strength(0.09))
      .force("collide", forceCollide<Node>((node) => node.radius + 6))
      .alphaDecay(0.03)
      .on("tick", () => this.place());
    const zooming = zoom<SVGSVGElement, unknown>().scaleExtent([0.3, 6]).on("zoom", (event) => this.root.setAttribute("transform", String(event.transform)));
    select(this.svg).call(zooming).on("dblclick.zoom", () => select(this.svg).call(zooming.transform, zoomIdentity));
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
        found = before ? Object.assign(before, { weight: 0, source: false }) : { id, weight: 0, source: false, radius: 4 };
        nodes.set(id, found);
      }
      found.weight += weight;
      found.source ||= source;
      return found;
    };
    const heaviest = Math.max(1, ...edges.map((edge) => edge.weight));
    this.links = edges.map(({ from, to, weight }) => ({ source: node(from, true, weight), target: node(to, false, weight), weight, width: 1 + 9 * Math.sqrt(weight / heaviest), key: `${from} → ${to}` }));
    const largest = Math.max(1, ...[...nodes.values()].map((each) => each.weight));
    const changed = nodes.size !== this.nodes.length || [...nodes.keys()].some((id) => !old.has(id));
    this.nodes = [...nodes.values()];
    for (const each of this.nodes) each.radius = 5 + 19 * Math.sqrt(each.weight / largest);
    this.simulation.nodes(this.nodes).force("link", forceLink<Node, Link>(this.links).distance((link) => 70 + link.source.radius + link.target.radius).strength((link) => 0.08 + 0.5 * (link.weight / heaviest)));
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
    this.simulation.force("x", forceX<Node>().strength(0.085 / Math.max(wide, 0.7)));
    this.simulation.force("y", forceY<Node>().strength(0.085 * Math.min(wide, 1.6)));
    this.go();
  }

  private render(): void {
    const root = select(this.root);
    root.selectAll<SVGPathElement, Link>("path.edge").data(this.links, (link) => link.key).join((enter) => enter.insert("path", ".node, text").attr("class", "edge")).attr("stroke-width", (link) => link.width)
      .on("pointerenter", (_, link) => this.hover(undefined, `${link.key}: ${count(link.weight)}`)).on("pointerleave", () => this.hover(undefined));
    const dragging = drag<SVGCircleElement, Node>()
      .on("start", (event, node) => { if (!event.active) this.simulation.alphaTarget(0.2).restart(); [node.fx, node.fy] = [event.x, event.y]; })
      .on("drag", (event, node) => { [node.fx, node.fy] = [event.x, event.y]; })
      .on("end", (event, node) => { if (!event.active) this.simulation.alphaTarget(0); [node.fx, node.fy] = [null, null]; });
    root.selectAll<SVGCircleElement, Node>("circle.node").data(this.nodes, (node) => node.id).join("circle").attr("class", (node) => `node${node.source ? " source" : ""}`).attr("r", (node) => node.radius)
      .on("pointerenter", (_, node) => this.hover(node.id)).on("pointerleave", () => this.hover(undefined)).call(dragging);
    // Names of the heavy ones only: the others appear when pointed at.
    const named = [...this.nodes].sort((p, q) => q.weight - p.weight).slice(0, 22);
    root.selectAll<SVGTextElement, Node>("text").data(named, (node) => node.id).join("text").attr("text-anchor", "middle").text((node) => (node.id.length > 28 ? `${node.id.slice(0, 27)}…` : node.id));
    root.selectAll("circle.node, text").raise();
    this.place();
  }

  private hover(id: string | undefined, text?: string): void {
    this.hovered = id;
    const near = new Set(this.links.filter((link) => link.source.id === id || link.target.id === id).flatMap((link) => [link.source.id, link.target.id]));
    const root = select(this.root);
    const away = (each: Node): boolean => id !== undefined && each.id !== id && !near.has(each.id);
    root.selectAll<SVGCircleElement, Node>("circle.node").classed("faded", away);
    root.selectAll<SVGTextElement, Node>("text").classed("faded", away);
    const touches = (link: Link): boolean => link.source.id === id || link.target.id === id;
    root.selectAll<SVGPathElement, Link>("path.edge").classed("hot", touches).classed("faded", (link) => id !== undefined && !touches(link));
    const node = this.nodes.find((each) => each.id === this.hovered);
    this.tell(text ?? (node ? `${node.id}: weight ${count(node.weight)}, ${near.size - 1} neighbours` : ""));
  }

  private place(): void {
    const root = select(this.root);
    root.selectAll<SVGPathElement, Link>("path.edge").attr("d", ({ source: s, target: t }) => {
      const [sx, sy, tx, ty] = [s.x ?? 0, s.y ?? 0, t.x ?? 0, t.y ?? 0];
      // Bent to the right, so that A to B and B to A are two.
      return `M${sx.toFixed(1)},${sy.toFixed(1)}Q${((sx + tx) / 2 - (ty - sy) * 0.12).toFixed(1)},${((sy + ty) / 2 + (tx - sx) * 0.12).toFixed(1)} ${tx.toFixed(1)},${ty.toFixed(1)}`;
    });
    root.selectAll<SVGCircleElement, Node>("circle.node").attr("cx", (node) => (node.x ?? 0).toFixed(1)).attr("cy", (node) => (node.y ?? 0).toFixed(1));
    root.selectAll<SVGTextElement, Node>("text").attr("x", (node) => (node.x ?? 0).toFixed(1)).attr("y", (node) => ((node.y ?? 0) - node.radius - 5).toFixed(1));
  }
}

/** Lets the reader keep a file. */
export function save(name: string, type: string, content: string): void {
  const address = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  [link.href, link.download] = [address, name];
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
