// A subscription that lasts.

/** What a follower tells. */
export interface Events {
  message(data: string): void;
  /** So many messages left the server's log before they came. */
  gap(messages: number): void;
  state(state: "waiting" | "open", text: string): void;
}

/**
 * Follows a pubsub with EventSource, which reconnects by itself and sends the id of the last event. Where a browser
 * gives up (a server that answers 503, or isn't there), it begins again with that id in the query.
 */
export class Follower {
  private source: EventSource | undefined;
  private last = "";
  private tries = 0;
  private timer = 0;
  private ended = false;
  private lost = false;

  constructor(private readonly address: string, private readonly events: Events) {
    this.events.state("waiting", "connecting");
    this.open();
  }

  get isOpen(): boolean {
    return this.source?.readyState === EventSource.OPEN;
  }

  close(): void {
    this.ended = true;
    clearTimeout(this.timer);
    this.source?.close();
  }

  private open(): void {
    let url: URL;
    try {
      url = new URL("sub", this.address.endsWith("/") ? this.address : `${this.address}/`);
    } catch {
      this.events.state("waiting", `${this.address} is no address`);
      return;
    }
    url.searchParams.set("format", "sse");
    if (this.last) url.searchParams.set("last_event_id", this.last);
    const source = new EventSource(url);
    this.source = source;
    source.onopen = () => {
      this.lost = false;
      this.tries = 0;
      this.events.state("open", this.last ? `following again, after message ${this.last}` : "following");
    };
    source.onmessage = (event: MessageEvent<string>) => {
      this.last = event.lastEventId;
      this.events.message(event.data);
    };
    source.addEventListener("gap", (event: MessageEvent<string>) => this.events.gap(Number(event.data) || 0));
    source.onerror = () => {
      if (this.ended) return;
      if (!this.lost) this.events.state("waiting", "connection lost, trying again");
      this.lost = true;
      // The browser tries again with the last id, unless it gives up; but an id in the query would outrank its header.
      if (source.readyState === EventSource.CONNECTING && !url.searchParams.has("last_event_id")) return;
      source.close();
      const wait = Math.min(250 * 2 ** this.tries, 8000) * (0.75 + Math.random() / 2);
      this.tries += 1;
      this.timer = window.setTimeout(() => this.open(), wait);
    };
  }
}
