// What a pubsub says of a topic.

import { count, Tiles } from "../dom";
import { endpoint } from "./address";
import { Poll } from "./poll";

/** Tiles with the counters of a pubsub's `/stats`. Without them everything else goes on as it is. */
export class Counters {
  private readonly tiles = new Tiles({ subscribers: "subscribers", received: "server received", sent: "server sent", kicked: "kicked, too slow" });
  readonly element = this.tiles.element;
  private readonly poll = new Poll();
  private before: { at: number; received: number; sent: number } | undefined;

  constructor() {
    this.element.setAttribute("aria-label", "What the server counts");
  }

  /** Nothing is known any more. */
  clear(): void {
    this.poll.forget();
    this.show({}, "");
  }

  async ask(address: string, topic: string): Promise<void> {
    await this.poll.ask(async (signal) => {
      const answer = await fetch(endpoint(address, "stats", { topic, format: "json" }), { cache: "no-store", signal });
      const counters: unknown = answer.ok && (await answer.json());
      return typeof counters === "object" && counters !== null ? (counters as Record<string, unknown>) : undefined;
    }, (counters) => this.show(counters ?? {}, "the server doesn't say"));
  }

  private show(counters: Record<string, unknown>, otherwise: string): void {
    // A pubsub without topics has the names of the original.
    const of = (...names: string[]): number => names.map((name) => counters[name]).find((value) => typeof value === "number") ?? NaN;
    const set = (id: string, value: number, note: string, alarm = false): void => (value >= 0 ? this.tiles.set(id, count(value), note, alarm) : this.tiles.set(id, "–", otherwise));
    const [at, received, sent, kicked, total] = [performance.now() / 1000, of("received", "messages_received"), of("sent", "messages_sent"), of("kicked", "kicked_clients"), of("subscriptions", "total_connections")];
    const { before } = this;
    // After a reset they begin at 0.
    const rate = (now: number, then = NaN): string => (now >= then && before ? `${count((now - then) / (at - before.at))} a second` : "");
    set("subscribers", of("subscribers", "current_connections"), total >= 0 ? `${count(total)} so far` : "");
    set("received", received, rate(received, before?.received));
    set("sent", sent, rate(sent, before?.sent));
    set("kicked", kicked, kicked > 0 ? "they lost messages" : "nobody", kicked > 0);
    this.before = received >= 0 ? { at, received, sent } : undefined;
  }
}
