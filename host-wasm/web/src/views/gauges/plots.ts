// A plot for each measure of a gauge.

import { Chart, type Data, type Line } from "../../chart";
import { count, el, number, Tiles } from "../../dom";
import type { Stretch } from "../../stretch";
import { Edges } from "../edges";
import type { Counted, Measured, Reading } from "./server";

/** A measure's picture; `show` is told the readings of all panes and that of now, all of the same group. */
export interface Plot {
  readonly elements: HTMLElement[];
  /** What is plotted over time, column by column. */
  readonly data?: Data;
  show(panes: Pane[], now: Measured | undefined): void;
  hide?(): void;
}

/** What a pane has of the group that is looked at. */
export interface Pane {
  reading: Reading;
  measured: Measured;
}

/** `time` is the stretch of it that all of a gauge show. */
export const PLOTS: Record<string, (time: Stretch) => Plot> = {
  quantiles: (time) => new OverTime(time, "Quantiles", "bands: half, 90, 99 and 99.9 of 100 are no larger", "value", [
    { name: "p50", colour: "water", width: 2.5 }, { name: "p90", colour: "water", fill: 0, width: 1.5 },
    { name: "p99", colour: "third", fill: 1, width: 1.5 }, { name: "p999", colour: "accent", fill: 2, width: 1 },
  ], ({ p50, p90, p99, p999 }) => [p50, p90, p99, p999]),
  distinct: (time) => new OverTime(time, "Distinct values", "the band is twice the standard error", "values", [
    { name: "estimate", colour: "second", width: 2.5, format: exact }, { name: "at most", colour: "second", width: 0.75, fill: 2, format: exact }, { name: "at least", colour: "second", width: 0.75, format: exact },
  ], ({ distinct }) => distinct && [distinct.estimate, distinct.estimate * (1 + 2 * distinct.error), distinct.estimate * (1 - 2 * distinct.error)]),
  rate: (time) => new OverTime(time, "Rate", "messages a second, decayed over 1, 5 and 15 minutes", "messages/s", [
    { name: "1 min", colour: "water", fill: true }, { name: "5 min", colour: "second", width: 1.5 }, { name: "15 min", colour: "soft", width: 1.5, dash: [6, 4] },
  ], ({ rate }) => rate && [rate.messages_1m, rate.messages_5m, rate.messages_15m], (most) => [0, most * 1.08 || 1]),
  change: (time) => new OverTime(time, "Changes of the mean", "how often it has shifted since the start", "shifts", [
    { name: "up", colour: "accent" }, { name: "down", colour: "water", dash: [6, 4] },
  ], ({ change }) => change && [change.up, change.down], (most) => [0, Math.max(2, most * 1.08)]),
  moments: () => new Numbers("Moments", { count: "numbers", mean: "mean", stddev: "standard deviation", min: "least", max: "largest", skewness: "skewness", kurtosis: "excess kurtosis" }, (now) => now as Record<string, number | null>),
  pair: (time) => new Pair(time),
  top: () => new Top(),
  histogram: () => new Bins(),
  graph: () => new Heaviest(),
};

/** How many messages each pane has. */
export const messages = (time: Stretch): Plot => new OverTime(time, "Messages", "in each pane", "messages", [{ name: "messages", colour: "soft", fill: true, format: exact }], (_, { messages }) => [messages], (most) => [0, most * 1.08 || 1]);

/** Lines over the ends of the panes. */
class OverTime implements Plot {
  readonly elements: HTMLElement[];
  private readonly chart: Chart;
  data: Data = [[]];

  constructor(stretch: Stretch, title: string, note: string, y: string, private readonly lines: Line[], private readonly of: (measured: Measured, reading: Reading) => (number | null | undefined)[] | undefined, range?: (most: number) => [number, number]) {
    this.chart = new Chart({ title, note, x: "time", y, lines, kind: "time", stretch, ...(range ? { range } : {}) });
    this.elements = [this.chart.element];
  }

  show(panes: Pane[]): void {
    const rows = panes.map(({ measured, reading }) => this.of(measured, reading) ?? []);
    this.data = [panes.map(({ reading }) => Date.parse(reading.to) / 1000), ...this.lines.map((_, i) => rows.map((row) => row[i] ?? null))];
    this.chart.set(this.data);
  }
}

class Numbers implements Plot {
  readonly elements: HTMLElement[];
  private readonly tiles: Tiles;

  constructor(title: string, names: Record<string, string>, private readonly of: (now: Measured) => Record<string, number | null> | undefined) {
    this.tiles = new Tiles(names);
    this.elements = [el("div", { class: "card" }, el("h3", {}, title, el("small", {}, "now")), this.tiles.element)];
  }

  show(_: Pane[], now: Measured | undefined): void {
    const values = now && this.of(now);
    for (const id of this.tiles.ids) this.tiles.set(id, id === "count" ? count(values?.[id] ?? 0) : number(values?.[id] ?? undefined, 4));
  }
}

/** The correlation over time, and the line of regression in numbers. */
class Pair implements Plot {
  private readonly line: OverTime;
  private readonly numbers = new Numbers("Regression", { count: "pairs", correlation: "correlation", r_squared: "R²", slope: "slope", intercept: "intercept", residual_stddev: "residual deviation" }, ({ pair }) => pair);
  readonly elements: HTMLElement[];

  constructor(time: Stretch) {
    this.line = new OverTime(time, "Correlation", "of each pane", "correlation", [{ name: "correlation", colour: "third" }], ({ pair }) => pair && [pair.correlation], () => [-1.05, 1.05]);
    this.elements = [...this.line.elements, ...this.numbers.elements];
  }

  get data(): Data {
    return this.line.data;
  }

  show(panes: Pane[], now: Measured | undefined): void {
    this.line.show(panes);
    this.numbers.show(panes, now);
  }
}

/** Bars: what is certain of a count, and what may be others'. */
class Top implements Plot {
  private readonly floor = el("small");
  private readonly bars = el("ol", { class: "bars", "aria-label": "Most frequent values" });
  readonly elements = [el("div", { class: "card" }, el("h3", {}, "Most frequent", this.floor), this.bars)];

  show(_: Pane[], now: Measured | undefined): void {
    const top = (now?.top ?? []).slice(0, 15);
    const most = Math.max(1, ...top.map((one) => one.count));
    this.floor.textContent = now?.top_floor ? `light: may be others'; what is not held came at most ${count(now.top_floor)} times` : "all of them exact";
    this.bars.replaceChildren(...top.map(({ value, count: times, error }) => {
      const [whole, certain] = [el("span"), el("span", { class: "certain" })];
      whole.style.width = `${(100 * times) / most}%`;
      certain.style.width = `${(100 * (times - error)) / times}%`;
      whole.append(certain);
      const bounds = error ? `${exact(times - error)} to ${exact(times)}` : exact(times);
      return el("li", {}, el("span", { class: "value" }, String(value)), el("span", { class: "share", "aria-hidden": "true" }, whole), el("span", {}, bounds));
    }));
  }
}

class Bins implements Plot {
  private readonly chart = new Chart({ title: "Histogram", x: "value", y: "numbers", lines: [{ name: "numbers", colour: "water", bars: true, format: exact }], range: (most) => [0, most * 1.08 || 1] });
  readonly elements = [this.chart.element];

  show(_: Pane[], now: Measured | undefined): void {
    const { min = 0, max = 1, bins = [], below = 0, above = 0, not_whole = 0 } = now?.histogram ?? {};
    const width = (max - min) / Math.max(1, bins.length);
    const outside = [...(below || above ? [`${count(below)} below`, `${count(above)} above`] : []), ...(not_whole ? [`${count(not_whole)} not whole`] : [])];
    this.chart.note = outside.join(", ");
    this.chart.set([bins.map((_, i) => min + (i + 0.5) * width), bins]);
  }
}

/** The net of the heaviest edges. */
class Heaviest implements Plot {
  private readonly edges = new Edges("gauge");
  readonly elements = [this.edges.picture, this.edges.table];

  show(_: Pane[], now: Measured | undefined): void {
    const graph = (now?.graph ?? []) as (Counted & { from: unknown; to: unknown })[];
    this.edges.set(graph.map(({ from, to, count: weight }) => ({ from: String(from), to: String(to), weight })), 60);
    this.edges.net.go();
  }

  hide(): void {
    this.edges.net.stop();
  }
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

function exact(value: number): string {
  return whole.format(value);
}
