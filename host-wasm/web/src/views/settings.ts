// What the live view follows and measures: fields, which the page's address keeps through a reload.

import { field } from "../dom";
import { complete } from "./address";

/** The topic, and the queue, of whoever names none. */
export const MAIN = "main";

export class Settings {
  /** Whether the page comes from a server with a stream; then that is the one meant, unless another is named. */
  private readonly served = "server" in document.documentElement.dataset;
  readonly address = field("address of a pubsub", "address", location.protocol === "file:" ? "http://127.0.0.1:8080" : new URL(".", location.href).href);
  readonly topic = field("topic", "topic", MAIN);
  readonly queue = field("queue", "queue", "", "empty: those that the topic feeds");
  readonly number = field("number: field of a message", "number-field", "", "empty: the message is a number");
  readonly from = field("edge from: field", "live-from", "r");
  readonly to = field("edge to: field", "live-to", "u");
  /** By their names in the page's address; an input's `defaultValue` is what it has when nothing is asked for. */
  private readonly inputs = { address: this.address.input, topic: this.topic.input, queue: this.queue.input, field: this.number.input, from: this.from.input, to: this.to.input };
  private stored = "";
  /** Whether there is a server to follow at once. */
  known = this.served;

  constructor() {
    for (const input of Object.values(this.inputs)) input.defaultValue = input.value;
  }

  get values(): { address: string; topic: string; queue: string; field: string } {
    const { address, topic, queue, field } = this.inputs;
    return { address: address.value, topic: topic.value, queue: queue.value, field: field.value };
  }

  /** Takes what the page's address asks for; whether that is something new. */
  load(): boolean {
    const [, query] = location.hash.split("?");
    if (!query || location.hash === this.stored) return false;
    this.stored = location.hash;
    const asked = new URLSearchParams(query);
    for (const [name, input] of Object.entries(this.inputs)) input.value = asked.get(name) ?? input.defaultValue;
    this.known = this.served || asked.has("address");
    return true;
  }

  /** Lets the page's address ask for what the fields have, but for nothing that would be so anyway. */
  store(): void {
    const { address, topic, queue } = this.inputs;
    address.value = complete(address.value);
    topic.value = topic.value.trim() || MAIN;
    queue.value = queue.value.trim();
    const asked = Object.entries(this.inputs).filter(([, input]) => input.value !== input.defaultValue || (input === address && !this.served));
    const query = new URLSearchParams(asked.map(([name, input]) => [name, input.value])).toString();
    this.stored = query ? `#live?${query}` : "#live";
    history.replaceState(null, "", this.stored);
  }
}
