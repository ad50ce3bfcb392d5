// Everything at a glance: what flows, and where it waits.

import { button, card, el, heading, outcome, say, table } from "./dom.js";
import { age, bytes, count, rate } from "./format.js";
import { newGauge, pictures } from "./gauges.js";
import { refusals, slowClients } from "./refusals.js";
import { ask, named } from "./server.js";
import { spark } from "./series.js";

/** Rows of a table, whatever there is. */
const ROWS = 100;

/** @param {import("./watched.js").Watched} watched */
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
    return [rate(topic.in.last), rate(topic.out.last), count(counters.subscribers), count(counters.messages), bytes(counters.bytes), [count(counters.kicked), counters.kicked > 0]];
  }, (topic) => topic.in, watched, draw);
  const queues = list("Queues", "queues", [{ name: "Queue" }, { name: "Waiting", number: true }, { name: "Last minute" }, { name: "Oldest", number: true }, { name: "On lease", number: true }, { name: "Came back", number: true }, { name: "Dead", number: true }, { name: "In a second", number: true }, { name: "Out a second", number: true }, { name: "Overflow", number: true }], "No queue: curl -d hello " + location.origin + "/put makes one.", (queue) => {
    const { counters } = queue.now;
    const waiting = count(counters.ready + counters.delayed);
    return [counters.paused ? `${waiting}, paused` : waiting, age(counters.oldest), count(counters.leased), count(counters.requeued + counters.timed_out), [count(counters.dead), counters.dead > 0], rate(queue.in.last), rate(queue.out.last), [count(counters.overflow), counters.overflow > 0]];
  }, (queue) => queue.depth, watched, draw);

  const gauges = table("Gauges", [{ name: "Gauge" }, { name: "Topic" }, { name: "Measures" }, { name: "Messages", number: true }, { name: "Missed", number: true }], "No gauge: one measures what flows through a topic, in memory that never grows.");
  const [drawn, measured] = [pictures(), chooser("Gauges", "gauges", watched, false, draw)];
  const [slow, refused] = [slowClients(watched), refusals(watched)];

  /** Shows what is known of the names that are chosen, and says which gauges these are. */
  function draw() {
    topics.update([...watched.topics.values()], (topic) => topic.in.last ?? 0);
    queues.update([...watched.queues.values()], ({ now: { counters } }) => counters.ready + counters.delayed);
    const chosen = measured.choose(watched.gauges, ({ name }) => name, ({ messages }) => messages);
    gauges.element.hidden = watched.hidden.gauges !== undefined;
    gauges.set(chosen, ({ name }) => name, ({ name, definition }) => {
      const cells = [el("a", { href: `#/gauges/${named(name)}` }, name), el("span"), el("span", {}, definition.measure.join(", ")), el("span"), el("span")];
      return {
        cells,
        update(gauge) {
          [gauge.definition.topic, undefined, count(gauge.messages), count(gauge.missed)].forEach((value, i) => value === undefined || say(cells[i + 1], value));
        },
      };
    });
    return chosen;
  }

  return {
    title: "",
    element: el("div", { class: "view" }, el("h1", { class: "unseen" }, "What flows, and where it waits"), numbers, topics.element, queues.element, el("div", { class: "columns" }, el("div", { class: "stack" }, el("section", { class: "card" }, measured.element, gauges.element, drawn.element), slow.element, refused.element), el("div", { class: "stack" }, card("New gauge", "", newGauge(watched))))),
    async update(now) {
      tiles.forEach((tile) => tile());
      refused.update();
      await Promise.all([slow.update(now), drawn.update(draw(), now)]);
    },
    close: drawn.close,
  };
}

/** A table of names; a value that is wrong stands in an array. */
function list(title, kind, columns, empty, values, series, watched, draw) {
  const rows = table(title, columns, empty);
  const head = chooser(title, kind, watched, true, draw);
  return {
    element: el("section", { class: "card" }, head.element, rows.element),
    update(all, weight) {
      const shown = head.choose(all, (one) => one.now.name, weight);
      rows.element.hidden = watched.hidden[kind] !== undefined;
      rows.set(shown, (one) => one.now.name, (one) => {
        const line = spark(series(one), kind === "topics" ? "water" : "third");
        const cells = columns.map((_, i) => (i === 0 ? el("a", { href: `#/${kind}/${named(one.now.name)}` }, one.now.name) : i === 2 ? line.element : el("span")));
        const words = cells.filter((_, i) => i !== 0 && i !== 2);
        return {
          cells,
          update(one) {
            values(one).forEach((value, i) => {
              const [text, wrong] = [value].flat();
              say(words[i], text);
              words[i].classList.toggle("wrong", wrong === true);
            });
            line.update();
          },
        };
      });
    },
  };
}

/** What stands over a table of names: which of them it shows, drawn anew when others are chosen, and a field for one that is opened, or made too. */
function chooser(title, kind, watched, makes, draw) {
  const filter = el("input", { type: "text", placeholder: "names that begin so", autocomplete: "off", spellcheck: "false", "aria-label": `${title} that begin with` });
  const note = el("span", { class: "note" });
  const [name, told] = [el("input", { type: "text", placeholder: "name", autocomplete: "off", spellcheck: "false", "aria-label": makes ? `Name of a new one of the ${kind}` : `Name of one of the ${kind}` }), outcome()];
  const open = () => name.value && (location.hash = `#/${kind}/${named(name.value)}`);
  const form = el("form", { class: "bar" }, name, button("Open", open), ...(makes ? [el("button", { type: "submit" }, "Make")] : []), told.element);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!makes || (await told.of(() => ask("PUT", `/${kind}/${named(name.value)}`, "{}"), () => ""))) open();
  });
  filter.addEventListener("input", draw);
  // A token that may not see all may see what begins with its prefix: that is asked for when it is written down.
  filter.addEventListener("change", () => {
    if (!watched.hidden[kind] && !watched.prefix[kind]) return;
    watched.prefix[kind] = filter.value;
    watched.soon();
  });
  return {
    element: el("div", { class: "bar apart" }, el("div", { class: "bar" }, heading(title), filter, note), form),
    /** Those that are shown: the busiest where there are more than a table has room for, each where it was. */
    choose(all, nameOf, weight) {
      const some = all.filter((one) => nameOf(one).startsWith(filter.value));
      const busiest = new Set([...some].sort((a, b) => weight(b) - weight(a)).slice(0, ROWS));
      const shown = some.filter((one) => busiest.has(one));
      const why = watched.hidden[kind];
      say(note, why ?? (shown.length < all.length ? `${shown.length} of ${count(all.length)}` : ""));
      filter.hidden = all.length < 10 && !why && !watched.prefix[kind] && !filter.value;
      return shown;
    },
  };
}
