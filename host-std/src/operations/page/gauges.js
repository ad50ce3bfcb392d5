// A gauge: what it measures, as the server draws it.

import { button, card, el, field, outcome, say, sure } from "./dom.js";
import { count } from "./format.js";
import { ask, curl, named } from "./server.js";

/** Those that take a field and nothing else. */
const MEASURES = ["moments", "quantiles", "distinct", "top", "rate", "change"];

/** Between two pictures, in milliseconds. */
const EVERY = 2_000;

/** Before one that is not there is asked for again where no list tells: each time is three refusals. */
const ABSENT = 10_000;

/** Gauges that are drawn beside each other, and between two of these, in milliseconds. */
const DRAWN = 6;
const PEACE = 5_000;

/** What a gauge measures, as the server draws it. */
function picture(name, alt) {
  const element = el("img", { class: "plot", hidden: "", alt });
  let shown = "";
  return {
    element,
    async update() {
      const drawn = await ask("GET", `/gauges/${named(name)}?format=svg`);
      if (drawn === shown) return;
      shown = drawn;
      const before = element.src;
      element.hidden = false;
      element.src = URL.createObjectURL(new Blob([drawn], { type: "image/svg+xml" }));
      if (before) URL.revokeObjectURL(before);
    },
    close() {
      if (element.src) URL.revokeObjectURL(element.src);
    },
  };
}

/** The pictures of the first gauges, each of which leads to its own page. */
export function pictures() {
  const element = el("div", { class: "plots" });
  /** @type {Map<string, { link: Element, drawn: ReturnType<typeof picture> }>} */
  const all = new Map();
  let last = 0;
  return {
    element,
    async update(gauges, now) {
      const names = gauges.slice(0, DRAWN).map(({ name }) => name);
      const isSame = names.length === all.size && names.every((name) => all.has(name));
      if (isSame && now - last < PEACE) return;
      last = now;
      for (const [name, { link, drawn }] of all) {
        if (names.includes(name)) continue;
        drawn.close();
        link.remove();
        all.delete(name);
      }
      for (const name of names) {
        if (all.has(name)) continue;
        const drawn = picture(name, "");
        const link = el("a", { href: `#/gauges/${named(name)}`, title: name }, `Plots of ${name}`, drawn.element);
        all.set(name, { link, drawn });
        element.append(link);
      }
      await Promise.all([...all.values()].map(({ drawn }) => drawn.update().catch((error) => {
        // It was removed a moment ago.
        if (error.status !== 404) throw error;
      })));
    },
    close() {
      for (const { drawn } of all.values()) drawn.close();
    },
  };
}

/**
 * @param {string} name
 * @param {import("./watched.js").Watched} watched
 */
export function gaugeView(name, watched) {
  const path = `/gauges/${named(name)}`;
  const drawn = picture(name, `What the gauge ${name} measures; the table under it says the same.`);
  const wide = el("div", { class: "wide", role: "region", tabindex: "0", "aria-label": "The picture" }, drawn.element);
  const words = el("pre", { role: "region", tabindex: "0", "aria-label": "The same as a table" });
  const told = outcome();
  const note = el("p", { class: "note" });
  const form = definition(name, path, told);
  const measured = el("div", { class: "stack" }, card("Picture", "", wide), card("Table", "", words));
  let [last, placed] = [0, false];
  const gone = (why) => {
    measured.hidden = true;
    say(note, why);
  };
  return {
    title: `gauge ${name}`,
    element: el("div", { class: "view" }, el("h1", {}, "Gauge ", el("code", {}, name)), note, el("div", { class: "columns" }, measured, el("div", { class: "stack" }, card("Definition", "", form.element)))),
    async update(now) {
      const gauge = watched.gauges.find((one) => one.name === name);
      if (!gauge && !watched.hidden.gauges && !watched.prefix.gauges) return gone("There is no gauge of that name.");
      if (now - last < EVERY) return;
      last = now;
      try {
        const [text, defined] = await Promise.all([ask("GET", path), ask("GET", `${path}?format=definition`), drawn.update()]);
        say(words, text);
        const settings = JSON.parse(defined);
        form.update(JSON.stringify(settings, null, 2));
        measured.hidden = false;
        // Over time, what is newest is at its right end, which a phone has no room for.
        if (!placed && settings.last) void drawn.element.decode().then(() => (wide.scrollLeft = wide.scrollWidth), () => {});
        placed = true;
      } catch (error) {
        if (error.status !== 403 && error.status !== 404) throw error;
        // A token that may not see it is not shown again and again.
        last = error.status === 403 ? Infinity : now + ABSENT;
        return gone(error.message);
      }
      say(note, gauge ? `${count(gauge.messages)} messages of ${gauge.definition.topic}${gauge.behind ? `, ${count(gauge.behind)} behind` : ""}${gauge.missed ? `, ${count(gauge.missed)} missed` : ""}` : "");
    },
    close: drawn.close,
  };
}

/** Asks before a gauge begins anew. */
const anew = (name) => sure(`Let ${name} measure this? What it has measured so far is lost.`);

/** All settings of a gauge as they are asked for, to change; with others it begins anew. */
function definition(name, path, told) {
  const text = el("textarea", { rows: "20", spellcheck: "false" });
  const command = el("code", { class: "command" });
  const save = el("button", { type: "submit", class: "main", disabled: "" }, "Begin anew …");
  const remove = button("Remove …", async () => {
    if (!(await sure(`Remove the gauge ${name}? What it has measured is lost.`))) return;
    if (await told.of(() => ask("DELETE", path), () => "Removed.")) location.hash = "#/";
  }, { class: "alarm" });
  const form = el("form", {}, field("JSON", text), command, el("div", { class: "bar" }, save, remove), told.element);
  let before = "";
  /** In one line, where it is JSON: whether it is right is for the server to say. */
  const wanted = () => {
    try {
      return JSON.stringify(JSON.parse(text.value));
    } catch {
      return text.value;
    }
  };
  const show = () => {
    save.disabled = text.value === before;
    say(command, save.disabled ? curl("GET", `${path}?format=definition`) : curl("PUT", path, wanted()));
  };
  text.addEventListener("input", show);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!(await anew(name))) return;
    if (await told.of(() => ask("PUT", path, wanted()), () => "It measures.")) before = text.value;
  });
  return {
    element: form,
    /** Shows what is in force, but for what somebody is about to change. */
    update(now) {
      if (text.value === before) text.value = now;
      before = now;
      show();
    },
  };
}

/** A form that sets a gauge up. */
export function newGauge(watched) {
  const input = (placeholder, value = "") => el("input", { type: "text", placeholder, value, autocomplete: "off", spellcheck: "false" });
  const [name, topic, place, every] = [input("latency"), input("main", "main"), input("a path, such as user.age"), input("10s", "10s")];
  const checks = MEASURES.map((measure) => {
    const check = el("input", { type: "checkbox", name: measure });
    check.checked = measure === "moments" || measure === "quantiles";
    return [measure, check];
  });
  const wanted = () => ({ topic: topic.value, field: place.value || undefined, every: every.value || undefined, measure: checks.filter(([, check]) => check.checked).map(([measure]) => measure) });
  const command = el("code", { class: "command" });
  const told = outcome();
  const form = el("form", {}, el("div", { class: "fields" }, field("Name", name), field("Topic", topic), field("Field", place), field("Every", every)), el("fieldset", {}, el("legend", {}, "What it measures"), ...checks.map(([measure, check]) => el("label", { class: "check" }, check, measure))), command, el("div", { class: "bar" }, el("button", { type: "submit", class: "main" }, "Set up")), told.element);
  const show = () => say(command, curl("PUT", `/gauges/${named(name.value || "NAME")}`, JSON.stringify(wanted())));
  form.addEventListener("input", show);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (watched.gauges.some((one) => one.name === name.value) && !(await anew(name.value))) return;
    if (await told.of(() => ask("PUT", `/gauges/${named(name.value)}`, JSON.stringify(wanted())), () => "It measures.")) location.hash = `#/gauges/${named(name.value)}`;
  });
  show();
  return form;
}
