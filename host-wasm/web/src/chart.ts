// uPlot, in the page's colours.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { el } from "./dom";
import { type Colour, colour, onTheme } from "./theme";

export interface Line {
  name: string;
  colour: Colour;
  width?: number;
  dash?: number[];
  fill?: boolean;
  bars?: boolean;
  format?: (value: number) => string;
}

export interface Band {
  from: number;
  to: number;
  text: string;
}

export interface ChartOptions {
  title: string;
  note?: string;
  /** Says what the x axis counts. */
  x: string;
  y: string;
  lines: Line[];
  logX?: boolean;
  range?: uPlot.Range.Function | [number, number];
  /** Stretches of x that are marked, and what is said of them. */
  bands?: () => Band[];
  xValues?: (value: number) => string;
}

/** A chart in a card; it follows its width and the theme. */
export class Chart {
  readonly element: HTMLElement;
  private readonly place = el("div", { class: "chart" });
  // The legend has its size, and takes what it needs, only some time after the plot was made.
  private readonly observer = new ResizeObserver(() => this.resize());
  private plot: uPlot | undefined;
  private data: uPlot.AlignedData;

  constructor(private readonly options: ChartOptions) {
    this.data = [[], ...options.lines.map(() => [])];
    const heading = el("h3", {}, options.title, el("small", {}, options.note ?? ""));
    this.element = el("div", { class: "card" }, heading, this.place);
    this.place.setAttribute("role", "img");
    this.place.setAttribute("aria-label", `Chart: ${options.title}. ${options.y} by ${options.x}.`);
    this.observer.observe(this.place);
    onTheme(() => this.rebuild());
  }

  set(data: uPlot.AlignedData): void {
    this.data = data;
    this.plot?.setData(data);
  }

  private size(): { width: number; height: number } {
    const legend = this.plot?.root.querySelector<HTMLElement>(".u-legend")?.offsetHeight ?? 0;
    return { width: this.place.clientWidth, height: Math.max(this.place.clientHeight - legend, 60) };
  }

  private resize(): void {
    if (this.place.clientWidth === 0) return;
    if (this.plot) this.plot.setSize(this.size());
    else this.rebuild();
  }

  private rebuild(): void {
    if (this.place.clientWidth === 0) return;
    this.plot?.destroy();
    const { x, y, lines, logX = false, range, xValues, bands } = this.options;
    const em = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const font = `${Math.round(em * 0.72)}px system-ui, sans-serif`;
    const axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 }, font, labelFont: font, labelSize: em * 1.1, labelGap: 0 };
    const tick = (value: number): string => (Math.abs(value) >= 1e4 || (value !== 0 && Math.abs(value) < 1e-3) ? compact(value) : String(Number(value.toPrecision(6))));
    const options: uPlot.Options = {
      ...this.size(),
      cursor: { y: false, points: { size: 6 } },
      legend: { live: true },
      scales: { x: { time: false, ...(logX ? { distr: 3 as const } : {}) }, y: range ? { range: range as uPlot.Range.Function } : {} },
      axes: [
        { ...axis, label: x, size: em * 1.5, values: (_, ticks) => ticks.map((value) => (value == null ? "" : xValues ? xValues(value) : tick(value))) },
        { ...axis, label: y, size: (_, ticks) => em * (1.2 + 0.44 * Math.max(3, ...(ticks ?? []).map((text) => text.length))), values: (_, ticks) => ticks.map((value) => (value == null ? "" : tick(value))) },
      ],
      hooks: { draw: [(plot) => bands?.().forEach((band) => drawBand(plot, band, font))] },
      series: [
        { label: x },
        ...lines.map((line): uPlot.Series => ({
          label: line.name,
          stroke: colour(line.colour),
          width: line.width ?? 2,
          dash: line.dash ?? [],
          points: { show: false, filter: (plot, series) => alone(plot.data[series] ?? []), size: 7, fill: colour(line.colour) },
          value: (_, value) => (value == null ? "" : line.format ? line.format(value) : tick(Number(value.toPrecision(5)))),
          ...(line.fill ? { fill: `color-mix(in srgb, ${colour(line.colour)} 18%, transparent)` } : {}),
          ...(line.bars && uPlot.paths.bars ? { paths: uPlot.paths.bars({ size: [0.92, 100] }), fill: `color-mix(in srgb, ${colour(line.colour)} 45%, transparent)` } : {}),
        })),
      ],
    };
    this.plot = new uPlot(options, this.data, this.place);
    const legend = this.plot.root.querySelector(".u-legend");
    if (legend) this.observer.observe(legend);
  }
}

/** Where a value has no neighbours: no line goes through it, and without a dot it wouldn't be seen. */
function alone(values: ArrayLike<unknown>): number[] {
  return Array.from(values, (value, i) => (value != null && values[i - 1] == null && values[i + 1] == null ? i : -1)).filter((i) => i >= 0);
}

function drawBand({ ctx, bbox, valToPos }: uPlot, { from, to, text }: Band, font: string): void {
  const [left, right] = [Math.max(valToPos(from, "x", true), bbox.left), Math.min(valToPos(to, "x", true), bbox.left + bbox.width)];
  if (right <= left) return;
  ctx.save();
  ctx.fillStyle = `color-mix(in srgb, ${colour("accent")} 16%, transparent)`;
  ctx.fillRect(left, bbox.top, right - left, bbox.height);
  ctx.fillStyle = colour("accent");
  ctx.font = font.replace(/[\d.]+px/, (size) => `${parseFloat(size) * devicePixelRatio}px`);
  ctx.textBaseline = "top";
  // At the right end of the chart the text goes to the left.
  const ends = left + ctx.measureText(text).width > bbox.left + bbox.width;
  ctx.textAlign = ends ? "right" : "left";
  ctx.fillText(text, ends ? right - 4 : left + 4, bbox.top + 4);
  ctx.restore();
}

const compactFormat = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

function compact(value: number): string {
  return Math.abs(value) < 1 ? value.toExponential(0) : compactFormat.format(value);
}
