// What waits in the queues of a topic.

import { count, el, Tiles } from "../dom";
import { endpoint } from "./address";
import { Poll } from "./poll";
import { MAIN } from "./settings";

/** The most queues that are shown. */
const MOST = 4;
/** Milliseconds between two looks at which queues there are. */
const LOOK = 30_000;

/** As the server tells of one. */
interface Queue {
  name: string;
  settings: { topic: string | null };
  counters: Record<string, number>;
}

/** A queue's name and its counters. */
class Row {
  private readonly title = el("small");
  private readonly tiles = new Tiles({ ready: "ready", leased: "leased", delayed: "delayed", overflow: "overflow", dead: "dead", acked: "acked", delivered: "delivered", accepted: "accepted" });
  readonly element: HTMLElement;

  constructor(readonly name: string) {
    this.element = el("div", { class: "queue", "data-queue": name }, el("h3", {}, `Queue ${name}`, this.title), this.tiles.element);
  }

  set({ settings, counters }: Queue): void {
    this.title.textContent = settings.topic ? `fed by ${settings.topic}` : "";
    for (const id of this.tiles.ids) {
      const value = counters[id] ?? NaN;
      this.tiles.set(id, value >= 0 ? count(value) : "–", "", value > 0 && (id === "overflow" || id === "dead"));
    }
  }
}

/** A card with the queues of a topic, or with the one that is asked for. A server without queues has no card. */
export class Queues {
  readonly element = el("div", { class: "card", id: "queues", hidden: "" });
  private readonly poll = new Poll();
  private rows: Row[] = [];
  private names: string[] = [];
  private look = 0;

  /** Nothing is known any more. */
  clear(): void {
    this.poll.forget();
    this.look = 0;
    this.show([], "");
  }

  async ask(address: string, topic: string, asked: string): Promise<void> {
    let refusal = "";
    await this.poll.ask(async (signal) => {
      const get = async (path: string): Promise<unknown> => {
        const answer = await fetch(endpoint(address, path), { cache: "no-store", signal });
        if (answer.ok) return answer.json();
        refusal = (await answer.text()).trim();
        return undefined;
      };
      if (asked) this.names = [asked];
      else if (performance.now() >= this.look) {
        this.names = fed(await get("queues"), topic);
        this.look = performance.now() + LOOK;
      }
      // Not `/stats?queue=`: that would make a queue of any name.
      const queues = await Promise.all(this.names.slice(0, MOST).map((name) => get(`queues/${encodeURIComponent(name)}`)));
      const there = queues.filter(isQueue);
      // One was removed.
      if (there.length < queues.length) this.look = 0;
      return there.length > 0 ? there : undefined;
    }, (queues) => this.show(queues ?? [], asked && refusal));
  }

  private show(queues: Queue[], refusal: string): void {
    if (queues.map(({ name }) => name).join() !== this.rows.map(({ name }) => name).join()) this.rows = queues.map(({ name }) => new Row(name));
    this.rows.forEach((row, i) => row.set(queues[i] as Queue));
    const more = this.names.length - queues.length;
    const note = refusal || (queues.length > 0 && more > 0 ? `and ${more} more` : "");
    this.element.hidden = queues.length === 0 && !note;
    this.element.replaceChildren(...this.rows.map(({ element }) => element), ...(note ? [el("p", { class: "note", role: "status" }, note)] : []));
  }
}

/** The names of the queues that the topic feeds, or else of the main one. */
function fed(listed: unknown, topic: string): string[] {
  const queues = Array.isArray(listed) ? listed.filter(isQueue) : [];
  const found = queues.filter(({ settings }) => settings.topic === topic);
  return (found.length > 0 ? found : queues.filter(({ name }) => name === MAIN)).map(({ name }) => name);
}

function isQueue(told: unknown): told is Queue {
  const { name, settings, counters } = (told ?? {}) as Partial<Queue>;
  return typeof name === "string" && !!settings && !!counters;
}
