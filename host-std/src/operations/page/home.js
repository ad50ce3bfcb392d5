// Everything at a glance: what flows, and where it waits.

import { card, el, heading, outcome, say, table } from "./dom.js";
import { age, bytes, count, rate } from "./format.js";
import { newGauge } from "./gauges.js";
import { ask, named } from "./server.js";
import { spark } from "./series.js";

/** Rows of a table, whatever there is. */
const ROWS = 100;

/** @param {import("./main.js").Watched} watched */
export function homeView(watched) {
  const numbers = el("dl", { class: "tiles" });
  const { totals } = watched;
  const tiles = [
    ["published a second", totals.in, "water"],
    ["sent a second", totals.out, "second"],
    ["put a second", totals.puts, "water"],
    ["got a second", totals.gets, "second"],
    ["items waiting", totals.depth, "third", count],
    ["subscribers", totals.subscribers, "third", count],
  ].map(([text, series, colour, format = rate]) => {
    const [value, line] = [el("dd"), spark(series, colour)];
    numbers.append(el("div", {}, el("dt", {}, text), value, line.element));
    return () => {
      say(value, format(series.last));
      line.update();
    };
  });

  const topics = list("Topics", "topics", [{ name: "Topic" }, { name: "In a second", number: true }, { name: "Last minute" }, { name: "Out a second", number: true }, { name: "Subscribers", number: true }, { name: "Messages kept", number: true }, { name: "Bytes", number: true }, { name: "Sent away", number: true }], "No topic: curl -d hello " + location.origin + "/pub makes one.", (topic) => {
    const { counters } = topic.now;
    return [rate(topic.in.last), rate(topic.out.last), count(counters.subscribers), count(counters.messages), bytes(counters.bytes), count(counters.kicked)];
  }, (topic) => topic.in);
  const queues = list("Queues", "queues", [{ name: "Queue" }, { name: "Waiting", number: true }, { name: "Last minute" }, { name: "On lease", number: true }, { name: "Dead", number: true }, { name: "Oldest", number: true }, { name: "In a second", number: true }, { name: "Out a second", number: true }, { name: "Overflow", number: true }], "No queue: curl -d hello " + location.origin + "/put makes one.", (queue) => {
    const { counters } = queue.now;
    const waiting = count(counters.ready + counters.delayed);
    return [counters.paused ? `${waiting}, paused` : waiting, count(counters.leased), count(counters.dead), age(counters.oldest, Date.now()), rate(queue.in.last), rate(queue.out.last), count(counters.overflow)];
  }, (queue) => queue.depth);

  const gauges = table("Gauges", [{ name: "Gauge" }, { name: "Topic" }, { name: "Measures" }, { name: "Messages", number: true }, { name: "Missed", number: true }], "No gauge: one measures what flows through a topic, in memory that never grows.");

  return {
    title: "",
    element: el("div", { class: "view" }, el("h1", { class: "unseen" }, "What flows, and where it waits"), numbers, topics.element, queues.element, el("div", { class: "columns" }, card("Gauges", "", gauges.element), el("div", { class: "stack" }, card("New gauge", "", newGauge())))),
    async update() {
      tiles.forEach((tile) => tile());
      topics.update([...watched.topics.values()], (topic) => topic.in.last ?? 0);
      queues.update([...watched.queues.values()], ({ now: { counters } }) => counters.ready + counters.delayed);
      gauges.set(watched.gauges.slice(0, ROWS), ({ name }) => name, ({ name, definition }) => {
        const cells = [el("a", { href: `#/gauges/${named(name)}` }, name), el("span"), el("span", {}, definition.measure.join(", ")), el("span"), el("span")];
        return {
          cells,
          update(gauge) {
            [gauge.definition.topic, undefined, count(gauge.messages), count(gauge.missed)].forEach((value, i) => value === undefined || say(cells[i + 1], value));
          },
        };
      });
    },
    close() {},
  };
}

/** A table of names, the busiest first where there are more than it shows. */
function list(title, kind, columns, empty, values, series) {
  const rows = table(title, columns, empty);
  const filter = el("input", { type: "text", placeholder: "names that begin so", autocomplete: "off", spellcheck: "false", "aria-label": `${title} that begin with` });
  const note = el("span", { class: "note" });
  const [name, told] = [el("input", { type: "text", placeholder: "name", autocomplete: "off", spellcheck: "false", "aria-label": `Name of a new one of the ${kind}` }), outcome()];
  const make = el("form", { class: "bar" }, name, el("button", { type: "submit" }, "Make"), told.element);
  make.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await told.of(() => ask("PUT", `/${kind}/${named(name.value)}`, "{}"), () => "")) location.hash = `#/${kind}/${named(name.value)}`;
  });
  return {
    element: el("section", { class: "card" }, el("div", { class: "bar apart" }, el("div", { class: "bar" }, heading(title), filter, note), make), rows.element),
    update(all, weight) {
      const some = all.filter(({ now: { name } }) => name.startsWith(filter.value));
      const shown = some.length <= ROWS ? some : some.sort((a, b) => weight(b) - weight(a)).slice(0, ROWS);
      say(note, shown.length < all.length ? `${shown.length} of ${count(all.length)}` : "");
      filter.hidden = all.length < 10;
      rows.set(shown, (one) => one.now.name, (one) => {
        const line = spark(series(one), kind === "topics" ? "water" : "third");
        const cells = columns.map((_, i) => (i === 0 ? el("a", { href: `#/${kind}/${named(one.now.name)}` }, one.now.name) : i === 2 ? line.element : el("span")));
        const words = cells.filter((_, i) => i !== 0 && i !== 2);
        return {
          cells,
          update(one) {
            values(one).forEach((value, i) => say(words[i], value));
            line.update();
          },
        };
      });
    },
  };
}
