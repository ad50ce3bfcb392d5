// The picture of the pipeline: pipes, what flows in them, and a tank that fills.

import { count } from "../dom";
import { colour, onTheme, still, type Colour } from "../theme";

/** What the picture shows. Counters only ever grow. */
export interface Scene {
  sources: number[];
  published: number;
  delivered: number[];
  overflow: number;
  depth: number;
  highWater: number;
  maxDepth: number;
  received: number;
  pending: number;
  maxLag: number;
  kicks: number;
  connected: boolean;
  mean: string;
  /** Messages a second that each reader can take. */
  paces: number[];
  /** Items that the queue gains in a second; negative when it loses them. */
  growth: number;
}

interface Point { x: number; y: number }
interface Box extends Point { w: number; h: number }
interface Pipe { from: Point; to: Point; a: Point; b: Point; colour: Colour; last: number; owed: number; flowing: boolean }
interface Drop { pipe: Pipe; t: number }
interface Spill { x: number; y: number; vx: number; vy: number }

/** Seconds a dot takes through a pipe. */
const TRAVEL = 0.9;
/** The most dots in a pipe, as a share of those that fit: messages come at random, and a full pipe seems to stand still. */
const DENSITY = 0.95;
/** Pixels from which on the picture goes from left to right, and not from top to bottom. */
const WIDE = 620;

/** Readers take an item now and then from a queue that is full: it stays so. */
export function isFull({ depth, maxDepth }: { depth: number; maxDepth: number }): boolean {
  return depth >= 0.95 * maxDepth;
}

export class Flow {
  readonly canvas = document.createElement("canvas");
  private readonly context = this.canvas.getContext("2d");
  private readonly colours = new Map<Colour, string>();
  private width = 0;
  private height = 0;
  private em = 16;
  private sources: Box[] = [];
  private hub: Box = box(0, 0, 0, 0);
  private tank: Box = box(0, 0, 0, 0);
  private slow: Box = box(0, 0, 0, 0);
  private readers: Box[] = [];
  private sink: Box = box(0, 0, 0, 0);
  private pipes: Pipe[] = [];
  private drops: Drop[] = [];
  private spills: Spill[] = [];
  private rate = 0;
  private perDot = 1;
  private mostDots = 60;
  private before: Scene | undefined;
  private level = 0;
  private spilled = 0;
  private alarm = 0;
  private time = 0;

  constructor(private readonly sourceNames: string[], private readonly readerNames: string[]) {
    this.canvas.className = "flow";
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", "The pipeline");
    new ResizeObserver(() => this.layout()).observe(this.canvas);
    onTheme(this);
  }

  recolour(): void {
    this.colours.clear();
  }

  /** Forgets what flowed. */
  reset(): void {
    this.before = undefined;
    this.drops = [];
    this.spills = [];
    this.rate = this.alarm = this.spilled = 0;
  }

  /** How many messages a dot stands for. */
  get messagesPerDot(): number {
    return this.perDot;
  }

  /** Draws the scene; `seconds` passed on the clock of whoever watches, `flowed` on that of the pipeline. */
  draw(scene: Scene, seconds: number, flowed: number): void {
    const context = this.context;
    if (!context || this.width === 0) return;
    this.advance(scene, seconds, flowed);
    context.clearRect(0, 0, this.width, this.height);
    context.lineCap = "round";
    for (const pipe of this.pipes) this.drawPipe(context, pipe);
    this.drawDots(context);
    this.drawBoxes(context, scene);
    this.drawTank(context, scene);
    this.drawSlow(context, scene);
    this.drawSpills(context);
    this.text(context, `1 dot = ${count(this.perDot)} message${this.perDot === 1 ? "" : "s"}`, 8, this.height - this.em * 0.5, "soft", 0.78, "left");
  }

  private advance(scene: Scene, seconds: number, flowed: number): void {
    const before = this.before ?? scene;
    if (flowed > 0 && seconds > 0) {
      const rate = (scene.published - before.published) / seconds;
      this.rate += (rate - this.rate) * Math.min(1, seconds * 2);
      const wanted = level(this.rate / this.mostDots);
      // Not back and forth at a border.
      if (wanted > this.perDot || level((this.rate / this.mostDots) * 1.4) < this.perDot) this.perDot = wanted;
      const flows = [...scene.sources, scene.published, ...scene.delivered, ...scene.delivered, scene.received];
      this.pipes.forEach((pipe, index) => this.feed(pipe, flows[index] ?? 0));
      const lost = scene.overflow - before.overflow;
      this.alarm = lost > 0 ? 1 : Math.max(0, this.alarm - seconds * 1.5);
      this.spilled += lost / this.perDot;
      while (this.spilled >= 1 && !still.matches) {
        this.spilled = Math.min(this.spilled - 1, 3);
        if (this.spills.length < 120) this.spills.push({ x: this.tank.x + this.tank.w, y: this.tank.y, vx: 20 + Math.random() * 45, vy: -50 - Math.random() * 40 });
      }
      this.time += seconds;
      for (const drop of this.drops) drop.t += seconds / TRAVEL;
      this.drops = this.drops.filter((drop) => drop.t < 1);
      for (const spill of this.spills) {
        spill.vy += 500 * seconds;
        spill.x += spill.vx * seconds;
        spill.y += spill.vy * seconds;
      }
      this.spills = this.spills.filter((spill) => spill.y < this.tank.y + this.tank.h + 20);
    }
    const filled = Math.min(1, scene.depth / scene.maxDepth);
    this.level += (filled - this.level) * (still.matches ? 1 : Math.min(1, seconds * 12));
    this.before = scene;
  }

  private feed(pipe: Pipe, total: number): void {
    pipe.flowing = total > pipe.last;
    if (still.matches) {
      pipe.last = total;
      return;
    }
    pipe.owed += Math.max(0, total - pipe.last) / this.perDot;
    pipe.last = total;
    for (; pipe.owed >= 1; pipe.owed = Math.min(pipe.owed - 1, 3)) {
      if (this.drops.length < 900) this.drops.push({ pipe, t: -Math.random() * 0.04 });
    }
  }

  private layout(): void {
    const { clientWidth, clientHeight } = this.canvas;
    if (clientWidth === 0) return;
    const scale = Math.min(devicePixelRatio, 2);
    [this.width, this.height] = [clientWidth, clientHeight];
    this.canvas.width = Math.round(clientWidth * scale);
    this.canvas.height = Math.round(clientHeight * scale);
    this.context?.setTransform(scale, 0, 0, scale, 0, 0);
    this.em = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const [w, h, em] = [this.width, this.height, this.em];
    const spread = (n: number, at: (share: number) => Box): Box[] => Array.from({ length: n }, (_, i) => at((i + 0.5) / n));
    if (w > WIDE) {
      const [bw, bh] = [Math.min(w * 0.12, em * 9), em * 3.1];
      this.sources = spread(this.sourceNames.length, (s) => box(bw * 0.55, h * (0.12 + 0.56 * s), bw, bh));
      this.hub = box(w * 0.27, h * 0.4, bw, em * 4.4);
      this.tank = box(w * 0.525, h * 0.41, Math.min(w * 0.15, em * 13), h * 0.56);
      this.readers = spread(this.readerNames.length, (s) => box(w * 0.77, h * (0.06 + 0.68 * s), bw, bh));
      this.sink = box(w - bw * 0.55, h * 0.4, bw, em * 4.4);
      this.slow = box(w * 0.27, h * 0.85, Math.min(w * 0.26, em * 17), em * 4.2);
    } else {
      const [bw, bh] = [Math.min(w * 0.31, em * 9), em * 2.9];
      this.sources = spread(this.sourceNames.length, (s) => box(w * s, bh * 0.6, bw, bh));
      this.hub = box(w * 0.3, h * 0.235, bw, bh);
      this.slow = box(w * 0.77, h * 0.25, w * 0.42, em * 4.4);
      this.tank = box(w * 0.3, h * 0.5, w * 0.42, h * 0.26);
      this.readers = spread(this.readerNames.length, (s) => box(w * s, h * 0.76, bw, bh));
      this.sink = box(w * 0.5, h * 0.925, bw * 1.6, bh);
    }
    const across = w > WIDE;
    const pipe = (from: Box, to: Box, name: Colour, down = !across, shift = 0): Pipe => {
      const start = down ? { x: from.x + from.w / 2, y: from.y + from.h } : { x: from.x + from.w, y: from.y + from.h / 2 + shift };
      const end = down ? { x: to.x + to.w / 2, y: to.y } : { x: to.x, y: to.y + to.h / 2 };
      const [dx, dy] = down ? [0, (end.y - start.y) / 2] : [(end.x - start.x) / 2, 0];
      return { from: start, to: end, a: { x: start.x + dx, y: start.y + dy }, b: { x: end.x - dx, y: end.y - dy }, colour: name, last: 0, owed: 0, flowing: false };
    };
    const intake = { ...this.tank, h: across ? this.tank.h * 0.3 : this.tank.h };
    const outlet = { ...this.tank, y: this.tank.y + this.tank.h * 0.72, h: this.tank.h * 0.28 };
    const toSlow = across ? pipe(this.hub, this.slow, "third", true) : pipe(this.hub, this.slow, "third", false);
    const pipes = [
      ...this.sources.map((source) => pipe(source, this.hub, "second")),
      pipe(this.hub, intake, "water"),
      ...this.readers.map((reader) => pipe(outlet, reader, "water")),
      ...this.readers.map((reader) => pipe(reader, this.sink, "water")),
      toSlow,
    ];
    pipes.forEach((pipe, index) => (pipe.last = this.pipes[index]?.last ?? 0));
    this.pipes = pipes;
    this.drops = [];
    const main = pipes[this.sources.length] as Pipe;
    const length = Math.hypot(main.to.x - main.from.x, main.to.y - main.from.y);
    this.mostDots = Math.max(4, (length / (2 * this.radius) / TRAVEL) * DENSITY);
  }

  /** Of a dot. */
  private get radius(): number {
    return this.em * 0.19;
  }

  private drawPipe(context: CanvasRenderingContext2D, { from, a, b, to, flowing, colour: name }: Pipe): void {
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.bezierCurveTo(a.x, a.y, b.x, b.y, to.x, to.y);
    context.strokeStyle = this.colour("line");
    context.lineWidth = this.em * 0.75;
    context.stroke();
    context.strokeStyle = this.colour(still.matches && flowing ? name : "paper");
    context.lineWidth = this.em * 0.58;
    context.stroke();
  }

  private drawDots(context: CanvasRenderingContext2D): void {
    const { radius } = this;
    for (const name of ["second", "water", "third"] as const) {
      context.fillStyle = this.colour(name);
      context.beginPath();
      for (const { pipe, t } of this.drops) {
        if (pipe.colour !== name || t < 0) continue;
        const u = 1 - t;
        const [p, q, r, s] = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t];
        const x = p * pipe.from.x + q * pipe.a.x + r * pipe.b.x + s * pipe.to.x;
        const y = p * pipe.from.y + q * pipe.a.y + r * pipe.b.y + s * pipe.to.y;
        context.moveTo(x + radius, y);
        context.arc(x, y, radius, 0, 2 * Math.PI);
      }
      context.fill();
    }
  }

  private drawBoxes(context: CanvasRenderingContext2D, scene: Scene): void {
    this.sources.forEach((at, i) => this.card(context, at, this.sourceNames[i] ?? "", count(scene.sources[i] ?? 0), "second"));
    this.card(context, this.hub, "pubsub", `${count(scene.published)} published`, "deep");
    const fastest = Math.max(...scene.paces);
    this.readers.forEach((at, i) => {
      const pace = scene.paces[i] ?? 0;
      const slow = pace * 4 < fastest;
      const read = count(scene.delivered[i] ?? 0);
      this.card(context, at, this.readerNames[i] ?? "", slow ? (pace ? `very slow · ${read}` : `stopped · ${read}`) : `read ${read}`, slow ? "accent" : "water", 0.42, slow ? "accent" : "soft");
    });
    this.card(context, this.sink, "moments", scene.mean, "deep");
  }

  private drawTank(context: CanvasRenderingContext2D, scene: Scene): void {
    const { x, y, w, h } = this.tank;
    const radius = this.em * 0.6;
    context.save();
    context.beginPath();
    context.roundRect(x, y, w, h, radius);
    context.fillStyle = this.colour("card");
    context.fill();
    context.clip();
    const surface = y + h * (1 - this.level);
    const swell = still.matches ? 0 : Math.min(this.em * 0.2, h * this.level);
    context.beginPath();
    context.moveTo(x, y + h);
    for (let i = 0; i <= 24; i++) context.lineTo(x + (w * i) / 24, surface + swell * Math.sin(i * 0.7 + this.time * 2.2));
    context.lineTo(x + w, y + h);
    context.globalAlpha = 0.85;
    context.fillStyle = this.colour(this.alarm > 0 ? "accent" : "water");
    context.fill();
    context.restore();
    context.beginPath();
    context.roundRect(x, y, w, h, radius);
    context.lineWidth = this.alarm > 0 ? 3 : 2;
    context.strokeStyle = this.colour(this.alarm > 0 ? "accent" : "deep");
    context.stroke();
    // The staff of the gauge.
    context.beginPath();
    for (let i = 1; i < 20; i++) {
      const [at, length] = [y + h - (h * i) / 20, i % 5 === 0 ? this.em * 0.8 : this.em * 0.4];
      context.moveTo(x + w - 2, at);
      context.lineTo(x + w - 2 - length, at);
    }
    context.lineWidth = 1.5;
    context.strokeStyle = this.colour("ink");
    context.globalAlpha = 0.5;
    context.stroke();
    context.globalAlpha = 1;
    const high = y + h * (1 - Math.min(1, scene.highWater / scene.maxDepth));
    context.beginPath();
    context.setLineDash([5, 4]);
    context.moveTo(x - this.em * 0.5, high);
    context.lineTo(x + w, high);
    context.strokeStyle = this.colour("accent");
    context.stroke();
    context.setLineDash([]);
    const label = (text: string, line: number, size: number, bold: boolean): void => {
      const [cx, cy] = [x + w / 2 - this.em * 0.3, y + h / 2 + (line - 0.9) * this.em];
      context.lineWidth = 4;
      context.strokeStyle = this.colour("card");
      context.lineJoin = "round";
      context.font = `${bold ? 700 : 600} ${this.em * size}px system-ui, sans-serif`;
      context.textAlign = "center";
      context.globalAlpha = 0.85;
      context.strokeText(text, cx, cy);
      context.globalAlpha = 1;
      this.text(context, text, cx, cy, "ink", size, "center", bold ? 700 : 600);
    };
    label("queue", -1.7, 0.9, false);
    label(count(scene.depth), 0.2, 1.9, true);
    label(`of ${count(scene.maxDepth)}`, 1.6, 0.9, false);
    const full = isFull(scene);
    const grows = scene.growth > 0 && !full;
    if (grows || full) label(full ? "full" : `▲ ${count(scene.growth)}/s`, 3, 0.9, true);
    const over = scene.overflow > 0 ? `${count(scene.overflow)} overflowed` : "no overflow";
    // Under the tank there are pipes when the picture is upright.
    const [tx, ty, align]: [number, number, CanvasTextAlign] = this.width > WIDE ? [x + w / 2, y + h + this.em * 1.25, "center"] : [x + w + this.em * 0.9, y + this.em * 1.1, "left"];
    this.text(context, over, tx, ty, scene.overflow > 0 ? "accent" : "soft", 0.9, align, 650);
  }

  private drawSlow(context: CanvasRenderingContext2D, scene: Scene): void {
    const { x, y, w, h } = this.slow;
    context.globalAlpha = scene.connected ? 1 : 0.45;
    this.card(context, this.slow, "slow subscriber", "", "third", 0.24);
    const limit = scene.maxLag || Math.max(scene.pending, 1);
    const [bx, by, bw, bh] = [x + this.em * 0.7, y + h * 0.46, w - this.em * 1.4, this.em * 0.55];
    context.fillStyle = this.colour("line");
    context.beginPath();
    context.roundRect(bx, by, bw, bh, bh / 2);
    context.fill();
    const share = Math.min(1, scene.pending / limit);
    context.fillStyle = this.colour(share > 0.85 ? "accent" : "third");
    context.beginPath();
    context.roundRect(bx, by, Math.max(bh, bw * share), bh, bh / 2);
    context.fill();
    context.globalAlpha = 1;
    const kicks = scene.kicks > 0 ? ` · kicked ${scene.kicks}×` : "";
    const says = scene.connected ? `${count(scene.pending)} behind${kicks}` : `kicked ${scene.kicks}×, away`;
    this.text(context, says, x + w / 2, y + h * 0.84, scene.connected ? "soft" : "accent", 0.8, "center", 600, w - 12);
  }

  private drawSpills(context: CanvasRenderingContext2D): void {
    context.fillStyle = this.colour("accent");
    context.beginPath();
    for (const { x, y } of this.spills) {
      context.moveTo(x + 4, y);
      context.arc(x, y, this.radius, 0, 2 * Math.PI);
    }
    context.fill();
  }

  private card(context: CanvasRenderingContext2D, { x, y, w, h }: Box, title: string, text: string, edge: Colour, at = text ? 0.42 : 0.5, ink: Colour = "soft"): void {
    context.beginPath();
    context.roundRect(x, y, w, h, this.em * 0.6);
    context.fillStyle = this.colour("card");
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = this.colour(edge);
    context.stroke();
    this.text(context, title, x + w / 2, y + h * at + this.em * 0.1, "ink", 0.88, "center", 650, w - 8);
    if (text) this.text(context, text, x + w / 2, y + h * 0.78, ink, 0.8, "center", ink === "soft" ? 500 : 650, w - 8);
  }

  private text(context: CanvasRenderingContext2D, text: string, x: number, y: number, name: Colour, size: number, align: CanvasTextAlign, weight = 500, most?: number): void {
    context.font = `${weight} ${this.em * size}px system-ui, sans-serif`;
    context.textAlign = align;
    context.fillStyle = this.colour(name);
    context.fillText(text, x, y, most);
  }

  private colour(name: Colour): string {
    let value = this.colours.get(name);
    if (!value) this.colours.set(name, (value = colour(name)));
    return value;
  }
}

/** The least of 1, 2, 5, 10, 20… that isn't less. */
function level(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return power * ([1, 2, 5].find((step) => step * power >= value) ?? 10);
}

/** A box about its middle. */
function box(x: number, y: number, w: number, h: number): Box {
  return { x: x - w / 2, y: y - h / 2, w, h };
}
