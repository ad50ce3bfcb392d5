// A subscription that lasts.

import { Events } from "streamgauge";

/** What a follower tells. */
export interface Listener {
  message(data: string): void;
  /** So many messages left the server's log before they came; without a number the server began anew, and nobody knows. */
  gap(messages: number | undefined): void;
  state(state: "waiting" | "open" | "closed", text: string): void;
}

/** What a server says as it ends a stream: `end` when there is nothing to come back for, else `error`. */
type LastWords = { event: string; data: string } | undefined;

/** The longest message that is followed; a longer one is skipped. */
const LONGEST = 1 << 20;
/** Milliseconds without a byte, after which a connection is taken for dead: a pubsub sends a comment every 15 s. */
const SILENCE = 45_000;

/**
 * Follows a pubsub's server-sent events, and begins again after the last one it had whenever the connection ends.
 *
 * It isn't an EventSource because that gives up at a 503, and tells neither its `Retry-After` nor what is wrong.
 */
export class Follower {
  private readonly ended = new AbortController();
  private last = "";
  /** Which life of the server its numbers belong to; one of another kind tells none. */
  private epoch: string | null = null;
  private open = false;

  constructor(private readonly url: string, private readonly listener: Listener) {
    listener.state("waiting", "connecting");
    void this.follow();
  }

  get isOpen(): boolean {
    return this.open;
  }

  close(): void {
    this.ended.abort();
  }

  private async follow(): Promise<void> {
    const { signal } = this.ended;
    for (let tries = 0; !signal.aborted; tries++) {
      let [why, wait] = ["no connection", Math.min(250 * 2 ** tries, 8000) * (0.75 + Math.random() / 2)];
      try {
        const answer = await fetch(this.url, { signal, cache: "no-store", headers: this.last ? { "Last-Event-ID": this.last } : {} });
        if (answer.ok && answer.body) {
          tries = 0;
          wait = 250;
          this.begin(answer.headers);
          why = "connection lost";
          const last = await this.read(answer.body);
          if (last?.event === "end") {
            this.open = false;
            return this.listener.state("closed", last.data);
          }
          if (last) why = last.data;
        } else {
          why = `${answer.status}: ${(await answer.text()).trim().slice(0, 100) || answer.statusText}`;
          wait = Math.max(wait, 1000 * (Number(answer.headers.get("retry-after")) || 0));
        }
      } catch {
        // `why` says it.
      }
      this.open = false;
      if (signal.aborted) return;
      this.listener.state("waiting", `${why}; again in ${(wait / 1000).toFixed(1)} s`);
      await new Promise((done) => setTimeout(done, wait));
    }
  }

  private begin(headers: Headers): void {
    const again = this.last !== "";
    this.open = true;
    this.listener.state("open", again ? "following again, after the last message it had" : "following");
    // Where the stream begins, so that nothing is lost when it ends before the first message.
    const first = Number(headers.get("x-pubsub-sequence"));
    if (first > 0) this.last = String(first - 1);
    const epoch = headers.get("x-pubsub-epoch");
    if (again && epoch !== this.epoch) this.listener.gap(undefined);
    this.epoch = epoch;
  }

  private gap(messages: number): void {
    if (messages > 0) this.listener.gap(messages);
    // A server that has lives has told by now which one this is: to it, the number before its very first message is one
    // of another life, and nothing is lost.
    else if (this.epoch === null) this.listener.gap(undefined);
  }

  /** Reads until it ends. */
  private async read(body: ReadableStream<Uint8Array>): Promise<LastWords> {
    const [reader, decoder] = [body.getReader(), new Events(LONGEST)];
    let timer = 0;
    let last: LastWords;
    try {
      for (;;) {
        timer = window.setTimeout(() => void reader.cancel(), SILENCE);
        const { done, value } = await reader.read();
        clearTimeout(timer);
        if (done || this.ended.signal.aborted) return last;
        const events = decoder.decode(value);
        // Whatever the listener makes of them, they do not come again.
        if (decoder.lastEventId) this.last = decoder.lastEventId;
        for (const event of events) {
          try {
            if (event.event === "gap") this.gap(Number(event.data) || 0);
            else if (event.event === "") this.listener.message(event.data);
            else last = { event: event.event, data: event.data };
          } catch (error) {
            reportError(error);
          }
          event.free();
        }
      }
    } finally {
      clearTimeout(timer);
      void reader.cancel().catch(() => {});
      decoder.free();
    }
  }
}
