// Times without a connection, and what was lost in them.

import type { Band } from "../chart";
import { count } from "../dom";

/** In seconds since the start. */
interface Gap {
  from: number;
  to: number | undefined;
  /** Once the server has said how many messages. */
  lost: number | undefined;
  /** That more were lost, and nobody knows how many. */
  unknown: boolean;
}

/** The gaps of one stream. */
export class Gaps {
  readonly list: Gap[] = [];
  private missed = 0;
  private unknown = false;

  /** `most` is how many are kept. */
  constructor(private readonly most: number) {}

  /** One that lasts goes on. */
  begin(at: number): void {
    const last = this.list.at(-1);
    if (!last || last.to !== undefined) this.add({ from: at, to: undefined, lost: undefined, unknown: false });
  }

  /** Whether there was one to end. */
  end(at: number): boolean {
    const last = this.list.at(-1);
    if (!last || last.to !== undefined) return false;
    last.to = at;
    return true;
  }

  /** The server told that so many messages are lost, or that what is lost isn't known. */
  tell(messages: number | undefined, at: number): void {
    let last = this.list.at(-1);
    // It tells of it first thing on a connection.
    if (!last || last.lost !== undefined) this.add((last = { from: at, to: at, lost: undefined, unknown: false }));
    if (messages === undefined) this.unknown = last.unknown = true;
    else this.missed += last.lost = messages;
  }

  private add(gap: Gap): void {
    this.list.push(gap);
    if (this.list.length > this.most) this.list.shift();
  }

  /** What is missing, for a tile, and whether anything may be. */
  get lost(): { text: string; alarm: boolean } {
    return { text: lost(this.missed, this.unknown) || "0", alarm: this.missed > 0 || this.unknown };
  }

  /** Those that a chart shows which begins at `first`. */
  bands(first: number, now: number): Band[] {
    const seen = this.list.filter(({ to }) => to === undefined || to > first);
    return seen.map(({ from, to, lost: messages, unknown }) => ({ from, to: to ?? now, text: to === undefined ? "no connection" : `${lost(messages, unknown) || "nothing"} lost` }));
  }
}

function lost(messages = 0, unknown: boolean): string {
  if (!unknown) return messages ? count(messages) : "";
  return messages ? `≥ ${count(messages)}` : "unknown";
}
