// A form for a gauge: simple fields, and the definition that they come to.

import { button, el, field, group } from "../../dom";
import { address, ask, condition, type Definition, measures } from "./server";

const MEASURES = ["moments", "quantiles", "distinct", "top", "rate", "histogram", "change", "pair", "graph"];

/** Sets gauges up; `done` is called with the name of one that stands. */
export class Form {
  readonly element: HTMLElement;
  private readonly inputs = {
    name: field("name", "gauge-name", "", "such as latency"),
    topic: field("topic", "gauge-topic", "main"),
    field: field("field", "gauge-field", "", "empty: the message itself"),
    by: field("by: field that groups", "gauge-by", "", "empty: no groups"),
    with: field("with: the second field of pair and graph", "gauge-with", ""),
    every: field("every: how long a pane is", "gauge-every", "10s", "10s, or 1000 messages"),
    last: field("last: how far a reading reaches", "gauge-last", "5m", "empty: to the start"),
    histogram: field("histogram: from, to, bins", "gauge-histogram", "0 100 50"),
    when: field("tell when", "gauge-when", "", "p99 > 250, or change up"),
    until: field("until", "gauge-until", "", "empty: the same bound"),
    for: field("for", "gauge-for", "", "such as 30s"),
  };
  private readonly checks = MEASURES.map((name, i) => {
    const input = el("input", { type: "checkbox", id: `gauge-measure-${name}`, value: name });
    input.checked = i < 5;
    return input;
  });
  /** A gauge that is changed, and what it has beside what the fields say: no other one has that. */
  private loaded: string | undefined;
  private base: Record<string, unknown> = {};
  /** Whether the definition is that of the gauge that is changed. */
  private isWritten = false;
  private readonly json = el("textarea", { id: "gauge-json", rows: "9", spellcheck: "false", "aria-label": "Definition as JSON" });
  private readonly refused = el("p", { class: "refused", id: "gauge-refused", role: "alert" });

  private readonly question = el("p", { id: "gauge-anew-question" });
  private readonly sure = el("dialog", { "aria-labelledby": this.question.id }, this.question,
    el("div", { class: "bar" }, button("Keep it", () => this.sure.close("no")), button("Begin anew", () => this.sure.close("yes"), { class: "main", id: "gauge-anew" })));

  constructor(private readonly isThere: (name: string) => boolean, private readonly done: (name: string) => void) {
    const { name, topic, field: measured, by, with: second, every, last, histogram, when, until, for: hold } = this.inputs;
    const boxes = this.checks.map((input) => el("label", { class: "check", for: input.id }, input, input.value));
    const set = button("Set it up", () => void this.set(), { class: "main", id: "gauge-set" });
    this.element = el("div", { class: "card", id: "gauge-form" },
      group("Set up a gauge", name.element, topic.element, measured.element, by.element),
      group("What it measures", el("div", { class: "checks", id: "gauge-measures" }, ...boxes), second.element, histogram.element),
      group("Panes", every.element, last.element),
      group("Rule", when.element, el("div", { class: "twins" }, until.element, hold.element)),
      el("details", {}, el("summary", {}, "The definition as JSON"), el("p", { class: "note" }, "What stands here is what is sent; the fields above write it anew."), this.json),
      el("div", { class: "bar" }, set), this.refused, this.sure);
    this.element.addEventListener("input", (event) => {
      if (event.target === name.input ? this.isLoaded !== this.isWritten : event.target !== this.json) this.write();
      this.refuse("");
    });
    this.element.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target instanceof HTMLInputElement && event.target.type === "text") void this.set();
    });
    this.write();
  }

  /** Takes a gauge that there is, to be changed. */
  load(name: string, definition: Definition): void {
    const { histogram, when, ...rest } = definition as unknown as Record<string, unknown>;
    this.loaded = name;
    this.base = rest;
    const put = (id: keyof Form["inputs"], value: unknown): string => (this.inputs[id].input.value = String(value ?? ""));
    put("name", name);
    for (const id of ["topic", "field", "by", "with", "every", "last"] as const) put(id, rest[id]);
    const { min, max, bins } = (histogram ?? {}) as Record<string, unknown>;
    put("histogram", bins === undefined ? "" : `${min} ${max} ${bins}`);
    if (histogram && bins === undefined) this.base["histogram"] = histogram;
    const [one, ...others] = (Array.isArray(when) ? when : [when]) as Record<string, unknown>[];
    put("when", one && others.length === 0 ? condition(one) : "");
    put("until", others.length === 0 ? one?.["until"] : "");
    put("for", others.length === 0 ? one?.["for"] : "");
    // Several rules, and what is told elsewhere, have no fields.
    if (others.length > 0 || one?.["to"] !== undefined) {
      this.base["when"] = when;
      put("when", "");
    }
    for (const input of this.checks) input.checked = measures(definition).includes(input.value);
    this.write();
    this.refuse("");
  }

  private get isLoaded(): boolean {
    return this.inputs.name.input.value.trim() === this.loaded;
  }

  /** Writes the definition that the fields come to. */
  private write(): void {
    this.isWritten = this.isLoaded;
    const said = (id: keyof Form["inputs"]): string => this.inputs[id].input.value.trim();
    const chosen = this.checks.filter(({ checked }) => checked).map(({ value }) => value);
    const definition: Record<string, unknown> = { ...(this.isLoaded ? this.base : {}), topic: said("topic"), measure: chosen };
    for (const id of ["field", "by", "with", "every", "last"] as const) {
      if (said(id)) definition[id] = id === "every" || id === "last" ? plain(said(id)) : said(id);
      else delete definition[id];
    }
    for (const id of ["histogram", "with"] as const) this.inputs[id].element.hidden = !chosen.some((name) => name === id || (id === "with" && /pair|graph/.test(name)));
    if (!chosen.includes("histogram")) delete definition["histogram"];
    else if (said("histogram")) {
      const [min, max, bins] = said("histogram").split(/[\s,]+/).map(Number);
      definition["histogram"] = { min, max, bins };
    }
    if (said("when")) definition["when"] = rule(said("when"), said("until"), said("for"));
    this.json.value = JSON.stringify(definition, null, 1);
  }

  private async set(): Promise<void> {
    const name = this.inputs.name.input.value.trim();
    this.refuse("");
    if (!name) return this.refuse("name must be given");
    if (this.isThere(name) && !(await this.agreed(name))) return;
    try {
      await ask(address(name), { method: "PUT", body: this.json.value });
      this.done(name);
    } catch (error) {
      this.refuse((error as Error).message);
    }
  }

  /** Asks before what a gauge has measured is lost. */
  private agreed(name: string): Promise<boolean> {
    this.question.textContent = `Let ${name} measure this? What it has measured so far is lost.`;
    this.sure.returnValue = "no";
    this.sure.showModal();
    return new Promise((done) => this.sure.addEventListener("close", () => done(this.sure.returnValue === "yes"), { once: true }));
  }

  /** Shows a line of refusal beneath the field that it is about, or else at the end. */
  private refuse(line: string): void {
    this.refused.textContent = line;
    const about = /^(?:there is no setting "?)?([a-z]+)/.exec(line)?.[1] ?? "";
    const wrong = about === "gauge" ? "name" : about;
    for (const [id, { input, element }] of Object.entries(this.inputs)) {
      mark(input, line !== "" && id === wrong);
      if (line && id === wrong && !element.hidden) element.append(this.refused);
    }
    const boxes = this.element.querySelector("#gauge-measures");
    if (line && wrong === "measure") boxes?.after(this.refused);
    else if (!line || !(wrong in this.inputs) || this.inputs[wrong as keyof Form["inputs"]].element.hidden) this.element.append(this.refused);
    this.element.querySelector<HTMLElement>("[aria-invalid]")?.focus();
  }
}

function mark(input: HTMLInputElement, wrong: boolean): void {
  if (!wrong) return ["aria-invalid", "aria-describedby"].forEach((name) => input.removeAttribute(name));
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", "gauge-refused");
}

/** A number as a number, a text as it is. */
function plain(text: string): number | string {
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** `p99 > 250` and `change up` as the server has them; what is neither is sent as it is, and refused there. */
function rule(text: string, until: string, hold: string): unknown {
  const [, name, sign, bound] = /^(\w+)\s*([<>])\s*(\S+)$/.exec(text) ?? [];
  const [, change] = /^change\s+(\w+)$/.exec(text) ?? [];
  const more = { ...(until ? { until: plain(until) } : {}), ...(hold ? { for: plain(hold) } : {}) };
  if (name && bound) return { [`${name} ${sign}`]: plain(bound), ...more };
  return change ? { change, ...more } : text;
}
