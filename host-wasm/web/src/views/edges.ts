// The heaviest edges of a graph: a picture of them, and a table.

import type { WeightedEdge } from "streamgauge";
import { count, el } from "../dom";
import { Net, type NetEdge } from "./net";

/** Rows of the table. */
const ROWS = 40;

/** So much heavier an edge is that takes the place of another one in the picture. */
const HEAVIER = 1.25;

/** The `n` heaviest edges of what holds them. */
export function heaviest(held: { top(n: number): WeightedEdge[] }, n: number): (NetEdge & { error: number })[] {
  return held.top(n).map((edge) => {
    const plain = { from: edge.from, to: edge.to, weight: edge.weight, error: edge.error };
    edge.free();
    return plain;
  });
}

/** A name that breaks where its parts end, and not in the middle of a word. */
function parts(name: string): (string | HTMLElement)[] {
  return name.split(/(?<=[/.?&=_-])/).flatMap((part, i) => (i ? [el("wbr"), part] : [part]));
}

/** Two cards that show the same edges. */
export class Edges {
  readonly net: Net;
  readonly picture: HTMLElement;
  readonly table: HTMLElement;
  private readonly body = el("tbody");
  private shown = new Set<string>();

  constructor(view: string) {
    // A line of its own: the picture must not move when there is something to tell.
    const told = el("p", { class: "told", id: `${view}-told`, role: "status" });
    this.net = new Net((text) => (told.textContent = text));
    const legend = el("p", { class: "legend" }, ...Object.entries({ second: "where edges begin", water: "where they only end" }).map(([colour, text]) => {
      const swatch = el("span", { class: "swatch" });
      swatch.style.background = `var(--${colour})`;
      return el("span", {}, swatch, text);
    }), "the wider, the heavier; arrows say where an edge leads");
    this.picture = el("div", { class: "card" }, this.net.svg, told, legend,
      el("p", { class: "note" }, "Point at a node to see its neighbours; drag it, scroll to zoom, double-click to zoom back. By keyboard: arrows go through the nodes, + and − zoom, 0 zooms back."));
    this.table = el("div", { class: "card" }, el("h3", {}, "Top edges"),
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Top edges" },
        el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "from"), el("th", {}, "to"), el("th", { class: "n" }, "weight"))), this.body)));
  }

  /** Shows `n` of the edges, which come heaviest first: of those that weigh nearly the same the ones stay that are there, or the
   * picture would never come to rest. */
  set(edges: NetEdge[], n: number): void {
    const name = ({ from, to }: NetEdge): string => JSON.stringify([from, to]);
    const [stay, others]: [NetEdge[], NetEdge[]] = [[], []];
    for (const edge of edges) (stay.length < n && this.shown.has(name(edge)) ? stay : others).push(edge);
    // Both are heaviest first: who is too light for the last place that is left is so for all, and so are those behind it.
    let left = stay.length;
    for (const edge of others) {
      if (stay.length < n) stay.push(edge);
      else if (left > 0 && edge.weight > HEAVIER * (stay[left - 1] as NetEdge).weight) stay[--left] = edge;
      else break;
    }
    this.shown = new Set(stay.map(name));
    this.net.set(stay);
    this.body.replaceChildren(...edges.slice(0, ROWS).map(({ from, to, weight }) => el("tr", {}, el("td", {}, ...parts(from)), el("td", {}, ...parts(to)), el("td", { class: "n" }, count(weight)))));
  }
}
