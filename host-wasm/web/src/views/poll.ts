// Questions that are asked again and again.

/** Milliseconds between two questions; until one is given up; after one without an answer. */
const [INTERVAL, PATIENCE, REST] = [1000, 5000, 30_000];

/** Asks once a second, as long as there is an answer. */
export class Poll {
  private asked = new AbortController();
  private next = 0;

  /** After a question without an answer so many milliseconds pass. */
  constructor(private readonly rest = REST) {}

  /** The next question comes at once, and the one that is open has no answer any more. */
  forget(): void {
    this.asked.abort();
    this.asked = new AbortController();
    this.next = 0;
  }

  /** Asks, unless it did a moment ago, and passes on what it is told: nothing if that fails or takes too long. */
  async ask<T>(question: (signal: AbortSignal) => Promise<T | undefined>, tell: (answer: T | undefined) => void): Promise<void> {
    if (performance.now() < this.next) return;
    this.next = Infinity;
    const asked = (this.asked = new AbortController());
    const timer = setTimeout(() => asked.abort(), PATIENCE);
    const next = performance.now() + INTERVAL;
    const answer = await question(asked.signal).catch(() => undefined);
    clearTimeout(timer);
    if (asked !== this.asked) return;
    this.next = answer === undefined ? performance.now() + this.rest : next;
    tell(answer);
  }
}
