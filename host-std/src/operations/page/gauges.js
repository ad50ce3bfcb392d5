// A gauge: what it measures, as the server draws it.

import { button, card, el, field, outcome, say, sure } from "./dom.js";
import { count } from "./format.js";
import { ask, curl, named } from "./server.js";

/** Those that take a field and nothing else. */
const MEASURES = ["moments", "quantiles", "distinct", "top", "rate", "change"];

/** Between two pictures, in milliseconds. */
const EVERY = 2_000;

/**
 * @param {string} name
 * @param {import("./main.js").Watched} watched
 */
export function gaugeView(name, watched) {
  const path = `/gauges/${named(name)}`;
  const picture = el("img", { class: "plot", hidden: "", alt: `What the gauge ${name} measures; the table under it says the same.` });
  const words = el("pre", { role: "region", tabindex: "0", "aria-label": "The same as a table" });
  const told = outcome();
  const note = el("p", { class: "note" });
  const definition = el("pre", { role: "region", tabindex: "0", "aria-label": "Its definition" });
  let [last, shown] = [0, ""];
  const remove = button("Remove …", async () => {
    if (!(await sure(`Remove the gauge ${name}? What it has measured is lost.`))) return;
    if (await told.of(() => ask("DELETE", path), () => "Removed.")) location.hash = "#/";
  }, { class: "alarm" });
  return {
    title: `gauge ${name}`,
    element: el("div", { class: "view" }, el("h1", {}, "Gauge ", el("code", {}, name)), note, el("div", { class: "columns" }, el("div", { class: "stack" }, card("Picture", "", picture), card("Table", "", words)), el("div", { class: "stack" }, card("Definition", "", definition, el("code", { class: "command" }, curl("GET", path)), el("div", { class: "bar" }, remove), told.element)))),
    async update(now) {
      if (now - last < EVERY) return;
      last = now;
      const gauge = watched.gauges.find((one) => one.name === name);
      if (!gauge) {
        say(note, "There is no gauge of that name.");
        return;
      }
      say(note, `${count(gauge.messages)} messages of ${gauge.definition.topic}${gauge.behind ? `, ${count(gauge.behind)} behind` : ""}${gauge.missed ? `, ${count(gauge.missed)} missed` : ""}`);
      say(definition, JSON.stringify(gauge.definition, null, 2));
      const [drawn, text] = await Promise.all([ask("GET", `${path}?format=svg`), ask("GET", path)]);
      say(words, text);
      if (drawn !== shown) {
        shown = drawn;
        const before = picture.src;
        picture.hidden = false;
        picture.src = URL.createObjectURL(new Blob([drawn], { type: "image/svg+xml" }));
        if (before) URL.revokeObjectURL(before);
      }
    },
    close() {
      if (picture.src) URL.revokeObjectURL(picture.src);
    },
  };
}

/** A form that sets a gauge up. */
export function newGauge() {
  const input = (placeholder, value = "") => el("input", { type: "text", placeholder, value, autocomplete: "off", spellcheck: "false" });
  const [name, topic, place, every] = [input("latency"), input("main", "main"), input("a path, such as user.age"), input("10s", "10s")];
  const checks = MEASURES.map((measure) => {
    const check = el("input", { type: "checkbox", name: measure });
    check.checked = measure === "moments" || measure === "quantiles";
    return [measure, check];
  });
  const wanted = () => ({ topic: topic.value, field: place.value || undefined, every: every.value, measure: checks.filter(([, check]) => check.checked).map(([measure]) => measure) });
  const command = el("code", { class: "command" });
  const told = outcome();
  const form = el("form", {}, el("div", { class: "fields" }, field("Name", name), field("Topic", topic), field("Field", place), field("Every", every)), el("fieldset", {}, el("legend", {}, "What it measures"), ...checks.map(([measure, check]) => el("label", { class: "check" }, check, measure))), command, el("div", { class: "bar" }, el("button", { type: "submit", class: "main" }, "Set up")), told.element);
  const show = () => say(command, curl("PUT", `/gauges/${named(name.value || "NAME")}`, JSON.stringify(wanted())));
  form.addEventListener("input", show);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await told.of(() => ask("PUT", `/gauges/${named(name.value)}`, JSON.stringify(wanted())), () => "It measures.")) location.hash = `#/gauges/${named(name.value)}`;
  });
  show();
  return form;
}
