// What a pubsub says of itself.

import { count, Tiles } from "../dom";
import { endpoint } from "./address";

/** Milliseconds between two questions; until one is given up; after one without an answer. */
const [INTERVAL, PATIENCE, REST] = [1000, 5000, 30_000];

/** Tiles with the counters of a pubsub's `/stats`. Without them everything else goes on as it is. */
export class Counters {
  private readonly tiles = new Tiles({ subscribers: "subscribers", received: "server received", sent: "server sent", kicked: "kicked, too slow" });
  readonly element = this.tiles.element;
  private asked = new AbortController();
  private next = 0;
  private before: { at: number; received: number; sent: number } | undefined;

  constructor() {
    this.element.setAttribute("aria-label", "What the server counts");
    this.element.classList.add("four");
  }

  /** Nothing is known any more. */
  clear(): void {
    this.asked.abort();
    this.asked = new AbortController();
    this.next = 0;
    this.show({}, "");
  }

  /** Asks a pubsub, unless it was asked a moment ago. */
  async ask(address: string): Promise<void> {
    if (performance.now() < this.next) return;
    this.next = Infinity;
    const asked = (this.asked = new AbortController());
    const timer = setTimeout(() => asked.abort(), PATIENCE);
    const next = performance.now() + INTERVAL;
    let counters: unknown;
    try {
      const answer = await fetch(endpoint(address, "stats?format=json"), { cache: "no-store", signal: asked.signal });
      if (answer.ok) counters = await answer.json();
    } catch {
      // Then it has no counters to show.
    }
    clearTimeout(timer);
    if (asked !== this.asked) return;
    const told = typeof counters === "object" && counters !== null;
    this.next = told ? next : performance.now() + REST;
    this.show(told ? (counters as Record<string, unknown>) : {}, "the server doesn't say");
  }

  private show(counters: Record<string, unknown>, otherwise: string): void {
    const of = (name: string): number => (typeof counters[name] === "number" ? (counters[name] as number) : NaN);
    const set = (id: string, value: number, note: string, alarm = false): void => (value >= 0 ? this.tiles.set(id, count(value), note, alarm) : this.tiles.set(id, "–", otherwise));
    const [at, received, sent, kicked, total] = [performance.now() / 1000, of("messages_received"), of("messages_sent"), of("kicked_clients"), of("total_connections")];
    const { before } = this;
    // After a reset they begin at 0.
    const rate = (now: number, then = NaN): string => (now >= then && before ? `${count((now - then) / (at - before.at))} a second` : "");
    set("subscribers", of("current_connections"), total >= 0 ? `${count(total)} so far` : "");
    set("received", received, rate(received, before?.received));
    set("sent", sent, rate(sent, before?.sent));
    set("kicked", kicked, kicked > 0 ? "they lost messages" : "nobody", kicked > 0);
    this.before = received >= 0 ? { at, received, sent } : undefined;
  }
}
