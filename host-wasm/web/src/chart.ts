// Lines, bars and bands over an axis, in the page's colours.

import { button, el } from "./dom";
import { clock, type Kind, Scale, tick } from "./scale";
import { Hands, type Range, Stretch } from "./stretch";
import { type Colour, colour, onTheme } from "./theme";

type Column = ArrayLike<number | null>;

/** The places on the x axis, and what each line has there. */
export type Data = [x: Column, ...lines: Column[]];

export interface Line {
  name: string;
  colour: Colour;
  width?: number;
  dash?: number[];
  /** Whether what is under it is filled, or what is between it and the line of this number. */
  fill?: boolean | number;
  bars?: boolean;
  format?: (value: number) => string;
}

/** A stretch of x that is marked. */
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
  /** What x is, if not plain numbers. */
  kind?: Kind;
  /** From where to where the y axis goes; if nothing is said, over all that is drawn. */
  range?: [number, number] | ((most: number) => [number, number]);
  /** Stretches of x that are marked, and what is said of them. */
  bands?: () => Band[];
  /** What is shown of x together with other charts. */
  stretch?: Stretch;
}

/** A chart in a card; it follows its width and the theme, and is drawn at most once a frame. A stretch of it is looked at by
 * dragging over it, and by keyboard. */
export class Chart {
  readonly element: HTMLElement;
  private readonly heading: HTMLElement;
  private readonly canvas = el("canvas");
  private readonly place = el("div", { class: "chart" }, this.canvas);
  private readonly values: HTMLElement[];
  private data: Data;
  private frame = 0;
  /** Where the pointer is. */
  private pointed: number | undefined;
  private readonly stretch: Stretch;
  private readonly hands: Hands;
  private readonly all: HTMLElement;
  /** The x axis, as if all were shown. */
  private whole: Scale | undefined;

  constructor(private readonly options: ChartOptions) {
    const { title, note, x, y, lines } = options;
    this.data = [[], ...lines.map(() => [])];
    this.values = [undefined, ...lines].map(() => el("b"));
    this.heading = el("small", {}, note ?? "");
    const legend = el("p", { class: "legend", "aria-hidden": "true" }, ...lines.map((line, i) => {
      const swatch = el("span", { class: "swatch" });
      swatch.style.background = `var(--${line.colour})`;
      return el("span", {}, swatch, `${line.name} `, this.values[i + 1] as HTMLElement);
    }), el("span", {}, this.values[0] as HTMLElement));
    this.element = el("div", { class: "card" }, el("h3", {}, title, this.heading), this.place, legend);
    this.place.setAttribute("role", "application");
    this.place.setAttribute("aria-roledescription", "chart");
    this.place.setAttribute("aria-label", `Chart: ${title}. ${y} by ${x}. Plus and minus zoom, arrows move, 0 shows all.`);
    this.place.tabIndex = 0;
    this.stretch = options.stretch ?? new Stretch();
    this.stretch.join(() => this.draw());
    this.hands = new Hands(this.place, this.stretch, () => this.whole, () => this.draw());
    this.all = button("Show all", () => this.stretch.choose(undefined), { class: "all", hidden: "" });
    this.place.append(this.all);
    this.place.addEventListener("pointermove", (event) => this.point(event.offsetX));
    this.place.addEventListener("pointerleave", () => this.point(undefined));
    new ResizeObserver(() => this.draw()).observe(this.place);
    onTheme(this);
  }

  recolour(): void {
    this.draw();
  }

  set(data: Data): void {
    this.data = data;
    this.draw();
  }

  /** Says something else beside the title. */
  set note(text: string) {
    this.heading.textContent = text;
  }

  /** From where to where x goes now; nothing, before it is drawn. */
  get shown(): Range | undefined {
    return this.whole && this.stretch.of([this.whole.low, this.whole.high]);
  }

  private point(at: number | undefined): void {
    this.pointed = at;
    this.draw();
  }

  private draw(): void {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      const [width, height] = [this.place.clientWidth, this.place.clientHeight];
      const ctx = this.canvas.getContext("2d");
      if (ctx && width > 0 && height > 0) this.paint(ctx, width, height);
    });
  }

  private paint(ctx: CanvasRenderingContext2D, width: number, height: number): void {
    const { x: xName, y: yName, lines, kind = "linear", range, bands } = this.options;
    const [xs, ...columns] = this.data;
    const em = parseFloat(getComputedStyle(document.documentElement).fontSize) * 0.72;
    const ratio = devicePixelRatio;
    [this.canvas.width, this.canvas.height] = [width * ratio, height * ratio];
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.font = `${Math.round(em)}px system-ui, sans-serif`;

    const [first, last] = extent([xs], [1, 10]);
    // Bars reach to both sides of their places.
    const half = lines.some(({ bars }) => bars) && xs.length > 1 ? (last - first) / (xs.length - 1) / 2 : 0;
    const whole: Range = [first - half, last + half];
    const shown = this.stretch.of(whole);
    this.all.hidden = this.stretch.isAll;
    const seen = this.stretch.isAll ? columns : columns.map((column) => within(xs, column, shown));
    const [low, high] = Array.isArray(range) ? range : range ? range(extent(seen, [0, 0])[1]) : padded(extent(seen, [0, 1]));
    const [top, bottom] = [em * 1.7, height - em * 2.9];
    const y = new Scale(low, high, bottom, top);
    const rows = y.ticks(em * 2.6).map((value): [number, string] => [y.place(value), tick(value)]);
    const left = Math.ceil(Math.max(...rows.map(([, text]) => ctx.measureText(text).width), em * 2)) + em * 0.7;
    const right = width - em * 0.8;
    const x = new Scale(...shown, left, right, kind);
    this.whole = new Scale(...whole, left, right, kind);

    const write = (text: string, at: number, down: number, align: CanvasTextAlign, baseline: CanvasTextBaseline = "alphabetic"): void => {
      [ctx.textAlign, ctx.textBaseline] = [align, baseline];
      ctx.fillText(text, at, down);
    };
    ctx.fillStyle = colour("soft");
    ctx.strokeStyle = colour("line");
    ctx.beginPath();
    for (const [at, text] of rows) {
      write(text, left - em * 0.5, at, "right", "middle");
      line(ctx, left, at, right, at);
    }
    for (const value of x.ticks(em * 6)) {
      const at = x.place(value);
      const text = said(kind, value);
      const reach = ctx.measureText(text).width / 2;
      write(text, Math.min(Math.max(at, left + reach), right - reach), bottom + em * 1.3, "center");
      line(ctx, at, top, at, bottom);
    }
    ctx.stroke();
    write(yName, left, em * 0.95, "left");
    write(xName, (left + right) / 2, height - em * 0.3, "center");

    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top - 2, right - left, bottom - top + 4);
    ctx.clip();
    for (const band of bands?.() ?? []) mark(ctx, band, x, [left, right, top, bottom]);
    lines.forEach((each, i) => paintLine(ctx, each, { xs, ys: columns[i] ?? [], beside: typeof each.fill === "number" ? columns[each.fill] : undefined, x, y, bottom }));
    if (this.hands.drag) {
      const [from, to] = this.hands.drag;
      ctx.globalAlpha = 0.2;
      ctx.fillStyle = colour("water");
      ctx.fillRect(from, top, to - from, bottom - top);
      ctx.globalAlpha = 1;
    }
    ctx.restore();
    this.legend(ctx, x, y, [left, right, top, bottom]);
  }

  /** What is where the pointer is: a line, a dot on each line, and the numbers under the chart. */
  private legend(ctx: CanvasRenderingContext2D, x: Scale, y: Scale, [left, right, top, bottom]: Box): void {
    const { x: name, lines, kind = "linear" } = this.options;
    const [xs, ...columns] = this.data;
    const { pointed } = this;
    let near = -1;
    if (pointed !== undefined && pointed >= left && pointed <= right)
      for (let i = 0; i < xs.length; i++) if (near < 0 || away(xs[i], pointed, x) < away(xs[near], pointed, x)) near = i;
    const at = xs[near];
    const says = [at == null ? "" : `at ${name} ${said(kind, at)}`];
    if (at != null) {
      ctx.strokeStyle = colour("soft");
      ctx.setLineDash([3, 3]);
      ctx.beginPath();
      line(ctx, x.place(at), top, x.place(at), bottom);
      ctx.stroke();
      ctx.setLineDash([]);
    }
    lines.forEach(({ colour: of, format = (value) => tick(Number(value.toPrecision(5))) }, i) => {
      const value = columns[i]?.[near];
      says.push(value == null ? "" : format(value));
      if (at != null && value != null) dot(ctx, x.place(at), y.place(value), of);
    });
    says.forEach((text, i) => {
      const element = this.values[i] as HTMLElement;
      if (element.textContent !== text) element.textContent = text;
    });
  }
}

/** A place on the x axis in words. */
function said(kind: Kind, value: number): string {
  return kind === "time" ? clock(value) : tick(value);
}

type Box = [left: number, right: number, top: number, bottom: number];

interface Drawn {
  xs: Column;
  ys: Column;
  /** The line to which it is filled, if it is. */
  beside: Column | undefined;
  x: Scale;
  y: Scale;
  bottom: number;
}

/** A line goes through neighbours; a value that has none is a dot. */
function paintLine(ctx: CanvasRenderingContext2D, line: Line, { xs, ys, beside, x, y, bottom }: Drawn): void {
  ctx.strokeStyle = ctx.fillStyle = colour(line.colour);
  ctx.lineWidth = line.width ?? 2;
  ctx.lineJoin = "round";
  const base = Math.min(y.place(0), bottom);
  if (line.bars) {
    const wide = Math.max(1, 0.92 * (x.place(xs[1] ?? 1) - x.place(xs[0] ?? 0)));
    ctx.globalAlpha = 0.6;
    for (let i = 0; i < xs.length; i++) if (ys[i]) ctx.fillRect(x.place(xs[i] as number) - wide / 2, y.place(ys[i] as number), wide, base - y.place(ys[i] as number));
    ctx.globalAlpha = 1;
    return;
  }
  for (let i = 0; i < xs.length; i++) {
    if (ys[i] == null) continue;
    const begin = i;
    while (i + 1 < xs.length && ys[i + 1] != null) i++;
    if (i === begin) {
      dot(ctx, x.place(xs[i] as number), y.place(ys[i] as number), line.colour);
      continue;
    }
    const path = new Path2D();
    for (let j = begin; j <= i; j++) path.lineTo(x.place(xs[j] as number), y.place(ys[j] as number));
    if (line.fill !== undefined && line.fill !== false) {
      const area = new Path2D(path);
      for (let j = i; j >= begin; j--) area.lineTo(x.place(xs[j] as number), beside?.[j] == null ? base : y.place(beside[j] as number));
      ctx.globalAlpha = 0.18;
      ctx.fill(area);
      ctx.globalAlpha = 1;
    }
    ctx.setLineDash(line.dash ?? []);
    ctx.stroke(path);
    ctx.setLineDash([]);
  }
}

function mark(ctx: CanvasRenderingContext2D, { from, to, text }: Band, x: Scale, [left, right, top, bottom]: Box): void {
  const [begin, end] = [Math.max(x.place(from), left), Math.min(x.place(to), right)];
  if (end <= begin) return;
  ctx.fillStyle = colour("accent");
  ctx.globalAlpha = 0.16;
  ctx.fillRect(begin, top, end - begin, bottom - top);
  ctx.globalAlpha = 1;
  // At the right end of the chart the text goes to the left.
  const turns = begin + ctx.measureText(text).width > right;
  [ctx.textAlign, ctx.textBaseline] = [turns ? "right" : "left", "top"];
  ctx.fillText(text, turns ? end - 4 : begin + 4, top + 4);
}

function dot(ctx: CanvasRenderingContext2D, at: number, down: number, of: Colour): void {
  ctx.fillStyle = colour(of);
  ctx.beginPath();
  ctx.arc(at, down, 3.5, 0, 7);
  ctx.fill();
}

function line(ctx: CanvasRenderingContext2D, ...[x, y, toX, toY]: [number, number, number, number]): void {
  ctx.moveTo(x, y);
  ctx.lineTo(toX, toY);
}

function away(value: number | null | undefined, from: number, scale: Scale): number {
  return value == null ? Infinity : Math.abs(scale.place(value) - from);
}

/** What a line has within a stretch of x, and at the two places beside it, from where it comes and where it goes. */
function within(xs: Column, column: Column, [low, high]: Range): (number | null)[] {
  const found: (number | null)[] = [];
  for (let i = 0; i < column.length; i++) {
    const [before, after] = [xs[i - 1] ?? -Infinity, xs[i + 1] ?? Infinity];
    if (after >= low && before <= high) found.push(column[i] ?? null);
  }
  return found;
}

/** The least and the largest of all numbers; if there is none, what is given. */
function extent(columns: Column[], otherwise: [number, number]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const column of columns) {
    for (let i = 0; i < column.length; i++) {
      const value = column[i];
      if (value != null && Number.isFinite(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
    }
  }
  return low <= high ? [low, high] : otherwise;
}

function padded([low, high]: [number, number]): [number, number] {
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - room, high + room];
}
