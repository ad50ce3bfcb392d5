// Where values are on an axis, and which of them it names.

/** The shortest way to say a number on an axis. */
export function tick(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e4) return compact.format(value);
  return size !== 0 && size < 1e-3 ? value.toExponential(0) : String(Number(value.toPrecision(6)));
}

/** A time of the day. */
export function clock(seconds: number): string {
  return new Date(1000 * seconds).toLocaleTimeString("en-GB");
}

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

/** What an axis counts: numbers, or their orders of magnitude, or seconds since 1970. */
export type Kind = "linear" | "log" | "time";

/** Seconds that a clock goes by. */
const CLOCK = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

/** An axis from `low` to `high`, drawn from one place to another. */
export class Scale {
  private readonly from: number;
  private readonly span: number;

  constructor(readonly low: number, readonly high: number, readonly start: number, readonly end: number, readonly kind: Kind = "linear") {
    this.from = this.way(low);
    this.span = this.way(high) - this.from || 1;
  }

  place(value: number): number {
    return this.start + ((this.way(value) - this.from) / this.span) * (this.end - this.start);
  }

  /** The value at a place. */
  at(place: number): number {
    const way = this.from + ((place - this.start) / (this.end - this.start)) * this.span;
    return this.kind === "log" ? 10 ** way : way;
  }

  /** Round values, at most one in so many pixels. */
  ticks(distance: number): number[] {
    const most = Math.max(1, Math.floor(Math.abs(this.end - this.start) / distance));
    if (this.kind === "log" && this.span > 1) {
      const every = Math.ceil(this.span / most);
      return steps(Math.ceil(this.from / every - 1e-9) * every, every, this.from + this.span).map((power) => 10 ** power);
    }
    const rough = (this.high - this.low || 1) / most;
    const clock = this.kind === "time" ? CLOCK.find((each) => each >= rough) : undefined;
    if (clock) return steps(Math.ceil(this.low / clock) * clock, clock, this.high);
    const unit = 10 ** Math.floor(Math.log10(rough));
    const step = unit * ([1, 2, 2.5, 5].find((each) => each * unit >= rough) ?? 10);
    return steps(Math.ceil(this.low / step - 1e-9) * step, step, this.high);
  }

  private way(value: number): number {
    return this.kind === "log" ? Math.log10(Math.max(value, Number.MIN_VALUE)) : value;
  }
}

/** Numbers without what adding leaves behind the last digit. */
function steps(first: number, step: number, last: number): number[] {
  const most = Math.floor((last - first) / step + 1e-9);
  return Array.from({ length: most < 0 ? 0 : most + 1 }, (_, i) => Number((first + i * step).toPrecision(12)));
}
