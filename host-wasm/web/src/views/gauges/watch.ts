// One gauge, watched: its panes as they are told, and what it measures now.

import { count, el, number, select } from "../../dom";
import { Stretch } from "../../stretch";
import { endpoint } from "../address";
import { Follower } from "../follower";
import { Poll } from "../poll";
import { messages, type Pane, type Plot, PLOTS } from "./plots";
import { address, type Alert, ask, condition, type Definition, HERE, type Measured, measures, type Reading } from "./server";

/** The most panes that are kept. */
const MOST = 720;
const REST = 2000;
/** What a message came to that could not be measured, or not here. */
const LOSSES = ["filtered", "late", "early", "not_json", "missing", "not_a_number", "infinite", "no_time", "untold", "moved", "missed"];

/** Groups by the value that `select` has for them: values of a field can be anything. */
const ALL = "all";
const OTHER = "other";
const GROUP = "group:";

/** What may be an object of a gauge; anybody can publish anything in its topic. */
function parsed(line: string): Partial<Reading & Alert> | undefined {
  try {
    return JSON.parse(line) as Partial<Reading & Alert>;
  } catch {
    return undefined;
  }
}

const isObject = (value: unknown): boolean => typeof value === "object" && value !== null;

/** A gauge that is watched, with a plot for each of its measures. It asks nothing while it is not seen. */
export class Watch {
  readonly element: HTMLElement;
  readonly panes: Reading[] = [];
  now: Reading | undefined;
  private group = ALL;
  private readonly plots = new Map<string, Plot>();
  private readonly says = el("span", { class: "pill", role: "status", id: "gauge-status" }, "connecting");
  private readonly losses = el("p", { class: "note", id: "gauge-losses" });
  private readonly log = el("ol", { class: "log", id: "gauge-alerts", "aria-live": "polite", "aria-label": "What the rules told" });
  private readonly groups = select("group", "gauge-group", [[ALL, "all messages"]], (value) => { this.group = value; this.show(); this.chosen(value); });
  private readonly poll = new Poll(REST);
  private readonly follower: Follower | undefined;
  private stale = false;

  constructor(readonly name: string, readonly definition: Definition, group: string, private readonly chosen: (group: string) => void, ...controls: HTMLElement[]) {
    this.group = group || ALL;
    const paned = definition.every !== undefined;
    const time = new Stretch();
    if (paned) this.plots.set("messages", messages(time));
    for (const measure of measures(definition)) {
      const plot = PLOTS[measure]?.(time);
      if (plot) this.plots.set(measure, plot);
    }
    this.groups.element.hidden = definition.by === undefined;
    const { topic = "main", field, by, every, last } = definition;
    const where = [`topic ${topic}`, field && `field ${field}`, by && `by ${by}`, every && `every ${every}`, last && `the last ${last}`].filter(Boolean).join(", ");
    const forms = ["svg", "json", "text", "openmetrics", "binary"].map((format) => el("a", { href: address(name, { format }), target: "_blank" }, format));
    this.element = el("div", { class: "stack", id: "gauge-watched" },
      el("div", { class: "card" }, el("h3", {}, `Gauge ${name}`, el("small", {}, where)),
        el("div", { class: "bar" }, this.says, this.groups.element, ...controls),
        this.losses, el("p", { class: "note forms" }, "What it measures now as ", ...forms), this.log),
      el("div", { class: "pair" }, ...[...this.plots.values()].flatMap(({ elements }) => elements)));
    if (paned)
      this.follower = new Follower(endpoint(HERE, "sub", { topic: `gauge.${name}`, from: "first", format: "sse" }), {
        message: (line) => this.take(line),
        gap: () => this.happened("some panes are lost"),
        state: (state, text) => { this.tell(state, text); if (state === "open") this.poll.forget(); },
      });
  }

  /** What is plotted over time, by measure: for whoever wants to compare. */
  get data(): Record<string, unknown> {
    return Object.fromEntries([...this.plots].map(([measure, plot]) => [measure, plot.data]));
  }

  close(): void {
    this.follower?.close();
    this.hide();
  }

  hide(): void {
    for (const plot of this.plots.values()) plot.hide?.();
  }

  /** Asks for what it measures now; to be called once a second. */
  async ask(): Promise<void> {
    await this.poll.ask(async (signal) => JSON.parse(await ask(address(this.name, { format: "json" }), { signal })) as Reading, (now) => {
      if (!this.follower) this.tell(now ? "open" : "waiting", now ? "measuring since the start" : "the server does not answer");
      if (!now) return;
      this.now = now;
      // Without panes it is looked at once a second, as if these were its panes.
      if (!this.follower) this.keep(now);
      this.stale = true;
    });
    if (!this.stale) return;
    this.stale = false;
    this.show();
  }

  private take(line: string): void {
    const told = parsed(line);
    if (told?.gauge !== this.name) return;
    if (isObject(told.rule)) {
      const { rule, state, value, time } = told as Alert;
      return this.happened(`${condition(rule)} ${state}: ${number(value ?? undefined, 5)}`, time);
    }
    if (!isObject(told.counters) || Number.isNaN(Date.parse(String(told.to)))) return;
    this.keep(told as Reading);
    // Many may come at once: they are drawn within a second.
    this.stale = true;
  }

  private keep(reading: Reading): void {
    this.panes.push(reading);
    if (this.panes.length > MOST) this.panes.shift();
  }

  private show(): void {
    const { now = this.panes.at(-1) } = this;
    this.offer(now);
    const panes = this.panes.flatMap((reading): Pane[] => {
      const measured = this.of(reading);
      return measured ? [{ reading, measured }] : [];
    });
    const measured = now && this.of(now);
    for (const plot of this.plots.values()) plot.show(panes, measured);
    const lost = LOSSES.filter((name) => now?.counters[name]).map((name) => `${count(now?.counters[name] ?? 0)} ${name.replaceAll("_", " ")}`);
    this.losses.textContent = now ? `${count(now.counters["messages"] ?? 0)} messages came${lost.length ? `: ${lost.join(", ")}` : ", all of them measured"}.` : "";
  }

  /** What a reading has of the group that is looked at. */
  private of(reading: Reading): Measured | undefined {
    if (this.group === ALL) return reading;
    return this.group === OTHER ? reading.other : reading.groups?.[this.group.slice(GROUP.length)];
  }

  /** The groups that there are, and the one that is looked at. */
  private offer(now: Reading | undefined): void {
    const groups = Object.keys(now?.groups ?? {}).sort().map((value): [string, string] => [GROUP + value, value]);
    const choices: [string, string][] = [[ALL, "all messages"], ...groups, ...(now?.other ? [[OTHER, "in none of them"] as [string, string]] : [])];
    if (!choices.some(([value]) => value === this.group)) choices.push([this.group, this.group.slice(GROUP.length)]);
    const { input } = this.groups;
    if (choices.map(([value]) => value).join("\n") !== [...input.options].map(({ value }) => value).join("\n"))
      input.replaceChildren(...choices.map(([value, text]) => el("option", { value }, text)));
    input.value = this.group;
  }

  private tell(state: string, text: string): void {
    this.says.dataset["state"] = state;
    if (this.says.textContent !== text) this.says.textContent = text;
  }

  private happened(text: string, time = new Date().toISOString()): void {
    this.log.prepend(el("li", {}, el("time", {}, new Date(time).toLocaleTimeString("en-GB")), text));
    while (this.log.children.length > 8) this.log.lastChild?.remove();
  }
}
