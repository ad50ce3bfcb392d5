// All gauges of the server, and what each costs.

import { button, bytes, count, el } from "../../dom";
import { endpoint } from "../address";
import { Poll } from "../poll";
import { ask, HERE, type Listed, measures, Refusal } from "./server";

/** Milliseconds until a server that did not answer is asked again. */
const REST = 2000;

export interface Choices {
  watch(name: string): void;
  /** The list is another: there is this gauge, or not. */
  changed(gauges: Map<string, Listed>): void;
}

/** A card with the list; asked for once a second while it is seen. */
export class List {
  private readonly body = el("tbody");
  private readonly says = el("p", { class: "note", role: "status", id: "gauges-say" });
  readonly element = el("div", { class: "card" }, el("h3", {}, "Gauges", el("small", {}, "of this page's server")),
    el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Gauges" },
      el("table", { id: "gauges" }, el("thead", {}, el("tr", {}, ...["gauge", "topic", "measures"].map((name) => el("th", {}, name)),
        ...["messages", "each took", "holds", "behind", "missed"].map((name) => el("th", { class: "n" }, name)))), this.body)), this.says);
  private readonly poll = new Poll(REST);
  private readonly rows = new Map<string, { row: HTMLElement; name: HTMLButtonElement; cells: HTMLElement[] }>();

  constructor(private readonly choices: Choices) {}

  /** The next question comes at once. */
  forget(): void {
    this.poll.forget();
  }

  async ask(): Promise<void> {
    let refusal = "";
    await this.poll.ask(async (signal) => {
      try {
        return JSON.parse(await ask(endpoint(HERE, "gauges"), { signal })) as Listed[];
      } catch (error) {
        const none = error instanceof SyntaxError || (error instanceof Refusal && error.status === 404);
        refusal = none ? "this page's server has no gauges" : (error as Error).message;
        return undefined;
      }
    }, (gauges) => {
      this.tell(gauges ? (gauges.length === 0 ? "There is none yet." : "") : refusal);
      if (!gauges) return;
      this.show(gauges);
      this.choices.changed(new Map(gauges.map((gauge) => [gauge.name, gauge])));
    });
  }

  /** Marks the one that is watched. */
  mark(watched: string | undefined): void {
    for (const [name, { name: pressed }] of this.rows) pressed.setAttribute("aria-pressed", String(name === watched));
  }

  private tell(text: string): void {
    if (this.says.textContent !== text) this.says.textContent = text;
  }

  private show(gauges: Listed[]): void {
    const names = gauges.map(({ name }) => name);
    for (const [name, { row }] of this.rows) {
      if (names.includes(name)) continue;
      row.remove();
      this.rows.delete(name);
    }
    gauges.forEach((gauge, i) => {
      const { row, cells } = this.rows.get(gauge.name) ?? this.add(gauge.name);
      if (this.body.children[i] !== row) this.body.insertBefore(row, this.body.children[i] ?? null);
      const { messages, nanoseconds, behind, missed } = gauge;
      const each = messages > 0 ? `${(nanoseconds / messages / 1000).toFixed(2)} µs` : "–";
      [gauge.definition.topic ?? "main", measures(gauge.definition).join(" "), count(messages), each, bytes(gauge.bytes), count(behind), count(missed)]
        .forEach((text, at) => { const cell = cells[at]; if (cell && cell.textContent !== text) cell.textContent = text; });
    });
  }

  private add(name: string): { row: HTMLElement; name: HTMLButtonElement; cells: HTMLElement[] } {
    const pressed = button(name, () => this.choices.watch(name), { "aria-pressed": "false", "data-gauge": name });
    const cells = Array.from({ length: 7 }, (_, i) => el("td", i > 1 ? { class: "n" } : {}));
    const made = { row: el("tr", {}, el("td", {}, pressed), ...cells), name: pressed, cells };
    this.rows.set(name, made);
    return made;
  }
}
