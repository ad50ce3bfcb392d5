// The part of an x axis that is looked at, and the hands that choose it.

import { Scale } from "./scale";

/** From where to where. */
export type Range = [low: number, high: number];

/** Pixels that a pointer moves before it means a stretch, and not a place. */
const MEANT = 6;
/** The share of the whole that is the least to be looked at. */
const LEAST = 1e-3;
/** How much nearer a step of zoom goes, and the share of what is shown that a step aside moves it. */
const [NEARER, ASIDE] = [0.7, 0.2];

/** A stretch of x, of one chart or of some that count the same; without one, all is shown. */
export class Stretch {
  private chosen: Range | undefined;
  private readonly charts: (() => void)[] = [];

  /** Draws with every other chart whenever another stretch is chosen. */
  join(draw: () => void): void {
    this.charts.push(draw);
  }

  /** What is shown of the whole; what is no longer part of it is forgotten. */
  of(whole: Range): Range {
    if (this.chosen && (this.chosen[1] <= whole[0] || this.chosen[0] >= whole[1])) this.chosen = undefined;
    return this.chosen ?? whole;
  }

  get isAll(): boolean {
    return this.chosen === undefined;
  }

  choose(range: Range | undefined): void {
    this.chosen = range;
    for (const draw of this.charts) draw();
  }
}

/** Drags, wheels and keys over a chart. */
export class Hands {
  /** Where a drag began and where it is, in pixels: a stretch that is about to be chosen. */
  drag: Range | undefined;
  private moved: { from: number; axis: Scale } | undefined;

  /** `whole` is the axis as it would be drawn if all were shown. */
  constructor(private readonly place: HTMLElement, private readonly stretch: Stretch, private readonly whole: () => Scale | undefined, private readonly draw: () => void) {
    place.addEventListener("pointerdown", (event) => this.begin(event));
    place.addEventListener("pointermove", (event) => this.move(event.offsetX));
    place.addEventListener("pointerup", () => this.end());
    place.addEventListener("pointercancel", () => this.cancel());
    place.addEventListener("dblclick", () => stretch.choose(undefined));
    place.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    place.addEventListener("keydown", (event) => this.key(event));
  }

  /** The axis as it is to be drawn: the next key may come before the next frame. */
  private get x(): Scale | undefined {
    const whole = this.whole();
    return whole && new Scale(...this.stretch.of([whole.low, whole.high]), whole.start, whole.end, whole.kind);
  }

  private begin(event: PointerEvent): void {
    const x = this.x;
    if (event.button !== 0 || !x || event.target instanceof HTMLButtonElement) return;
    this.place.setPointerCapture(event.pointerId);
    if (event.shiftKey) this.moved = { from: event.offsetX, axis: x };
    else this.drag = [event.offsetX, event.offsetX];
  }

  private move(at: number): void {
    if (this.moved) this.aside(this.moved.axis, this.moved.from - at);
    if (!this.drag) return;
    this.drag[1] = at;
    this.draw();
  }

  private end(): void {
    const { drag } = this;
    const x = this.x;
    this.cancel();
    if (drag && x && Math.abs(drag[1] - drag[0]) >= MEANT) this.show(x, Math.min(...drag), Math.max(...drag));
  }

  private cancel(): void {
    this.drag = this.moved = undefined;
    this.draw();
  }

  /** The page scrolls by the wheel alone. */
  private wheel(event: WheelEvent): void {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.zoom(2 ** (event.deltaY / 400), event.offsetX);
  }

  private key(event: KeyboardEvent): void {
    const zoom = { "+": NEARER, "=": NEARER, "-": 1 / NEARER }[event.key];
    const aside = { ArrowLeft: -ASIDE, ArrowRight: ASIDE }[event.key];
    const x = this.x;
    if (!x || event.ctrlKey || event.metaKey) return;
    if (zoom) this.zoom(zoom, (x.start + x.end) / 2);
    else if (aside) this.aside(x, aside * (x.end - x.start));
    else if (event.key === "0" || event.key === "Escape") this.stretch.choose(undefined);
    else return;
    event.preventDefault();
  }

  /** Shows so much of what is shown, about a place that stays where it is. */
  private zoom(by: number, about: number): void {
    const x = this.x;
    if (x) this.show(x, about - (about - x.start) * by, about + (x.end - about) * by);
  }

  /** Moves what is shown by some pixels, as far as there is something. */
  private aside(x: Scale, pixels: number): void {
    const whole = this.whole();
    if (!whole || this.stretch.isAll) return;
    const room: Range = [x.place(whole.low) - x.start, x.place(whole.high) - x.end];
    const by = Math.min(Math.max(pixels, Math.min(room[0], 0)), Math.max(room[1], 0));
    this.stretch.choose([x.at(x.start + by), x.at(x.end + by)]);
  }

  /** Shows what is between two places; all, if that is no less. */
  private show(x: Scale, from: number, to: number): void {
    const whole = this.whole();
    if (!whole) return;
    const [low, high] = [Math.max(x.at(from), whole.low), Math.min(x.at(to), whole.high)];
    const share = (whole.place(high) - whole.place(low)) / (whole.end - whole.start);
    if (share >= 1 - 1e-9) this.stretch.choose(undefined);
    else if (share >= LEAST) this.stretch.choose([low, high]);
  }
}
