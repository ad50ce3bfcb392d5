// A queue: how many items are where, the items themselves, its settings.

import { button, card, el, field, outcome, say, sure } from "./dom.js";
import { age, bytes, clock, count, rate } from "./format.js";
import { ask, curl, named } from "./server.js";
import { settings } from "./settings.js";
import { spark, tiles } from "./series.js";

/** Items that are looked at. */
const LOOK = 20;

/** The states in which items are, and how they are said. */
const STATES = ["ready", "leased", "delayed", "dead"];

/** Where all that was accepted is, or went. */
const LAW = ["acked", "delivered", "ready", "delayed", "leased", "overflow", "dead", "expired", "purged"];

/**
 * @param {string} name
 * @param {import("./watched.js").Watched} watched
 */
export function queueView(name, watched) {
  const of = `queue=${named(name)}`;
  const path = `/queues/${named(name)}`;
  const numbers = tiles(["waiting", "in a second", "out a second", "on lease", "came back a second", "dead letters", "oldest", "bytes"]);
  const law = el("p", { class: "law" });
  const missing = el("p", { class: "note" });

  const text = el("textarea", { rows: "3", placeholder: "one item", spellcheck: "false" });
  const delay = el("input", { type: "text", inputmode: "decimal", placeholder: "0", autocomplete: "off" });
  const putPath = () => `/put?${of}${delay.value.trim() ? `&delay=${named(delay.value.trim())}` : ""}`;
  const command = el("code", { class: "command" });
  const toldPut = outcome();
  const put = el("form", {}, field("Item", text), field("Seconds until it can be got", delay), command, el("div", { class: "bar" }, el("button", { type: "submit", class: "main" }, "Put")), toldPut.element);
  const showCommand = () => say(command, curl("POST", putPath(), text.value || "…"));
  put.addEventListener("input", showCommand);
  put.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await toldPut.of(() => ask("POST", putPath(), text.value), () => "It is in the queue.")) await look();
  });
  showCommand();

  const state = el("select", { "aria-label": "Which items" }, ...STATES.map((one) => el("option", {}, one)));
  const list = el("ol", { class: "items", "aria-label": "Items" });
  const told = outcome();
  const look = () => told.of(() => ask("GET", `/peek?${of}&state=${state.value}&items=${LOOK}`), (answer) => {
    const items = answer.split("\n").filter(Boolean).map((line) => shown(JSON.parse(line)));
    list.replaceChildren(...items);
    return items.length === 0 ? `No item is ${state.value}.` : items.length < LOOK ? "" : `The first ${LOOK}.`;
  });
  state.addEventListener("change", () => void look());

  const toldAll = outcome();
  const all = async (verb, done) => {
    await toldAll.of(() => ask("POST", `${path}/${verb}`), (answer) => answer.trim() || done);
    watched.soon();
    await look();
  };
  let isPaused = false;
  const pause = button("Pause", () => void all(isPaused ? "resume" : "pause", isPaused ? "It goes on." : "Nothing is given out."));
  const redrive = button("Redrive dead letters", () => void all("redrive", "They are back."));
  const empty = button("Empty …", async () => {
    if (await sure(`Empty ${name}? Its items are lost.`)) await all("empty", "It is empty.");
  }, { class: "alarm" });

  const form = settings("queues", name, () => watched.soon());
  /** Whether it was there when its items were looked at. */
  let was;

  return {
    title: `queue ${name}`,
    element: el("div", { class: "view" }, el("h1", {}, "Queue ", el("code", {}, name)), missing, numbers.element, law, el("div", { class: "columns" }, el("div", { class: "stack" }, card("Items", "looked at, and not taken", el("div", { class: "bar" }, state, button("Look again", () => void look())), list, told.element), card("All of it", "", el("div", { class: "bar" }, pause, redrive, empty), toldAll.element)), el("div", { class: "stack" }, card("Put", "", put), form.element))),
    async update() {
      const queue = watched.queues.get(name);
      missing.hidden = queue !== undefined;
      say(missing, watched.hidden[`queues/${name}`] ?? (watched.hidden.queues ? "" : "There is no queue of that name: whoever puts an item there makes it."));
      numbers.element.hidden = law.hidden = !queue;
      if (was !== missing.hidden) void look();
      was = missing.hidden;
      if (!queue) return;
      const { counters } = queue.now;
      numbers.update(queue, [count(counters.ready + counters.delayed), rate(queue.in.last), rate(queue.out.last), count(counters.leased), rate(queue.back.last), count(counters.dead), age(counters.oldest), bytes(counters.bytes)], () => [spark(queue.depth, "third"), spark(queue.in), spark(queue.out, "second"), undefined, spark(queue.back, "third")]);
      numbers.all[5].tile.classList.toggle("wrong", counters.dead > 0);
      say(law, `accepted ${count(counters.accepted)} = ${LAW.filter((term) => counters[term] || term === "ready").map((term) => `${term} ${count(counters[term])}`).join(" + ")}`);
      isPaused = counters.paused;
      say(pause, isPaused ? "Resume" : "Pause");
      pause.setAttribute("aria-pressed", String(isPaused));
      redrive.disabled = counters.dead === 0;
      form.update(queue.now.settings);
    },
    close() {},
  };
}

/** An item in words. */
function shown({ item, attempt, state, put, until, reason, died, data, data64 }) {
  const notes = [`item ${item}`, attempt > 0 ? `attempt ${attempt}` : "", `put ${clock(put)}`, until ? `${state === "dead" ? "died" : "until"} ${clock(until)}` : "", reason ?? "", died ? `died ${clock(died.at)} after ${died.attempt} attempts${died.reason ? `: ${died.reason}` : ""}` : ""];
  const text = data ?? `${data64} (base64)`;
  return el("li", {}, el("small", {}, notes.filter(Boolean).join(" · ")), el("span", {}, text.length > 2000 ? `${text.slice(0, 2000)} …` : text));
}
