// A topic: who publishes and who listens, its messages, its settings.

import { card, el, field, outcome, say, table } from "./dom.js";
import { bytes, clock, count, duration, rate } from "./format.js";
import { ask, curl, named } from "./server.js";
import { settings } from "./settings.js";
import { spark, tiles } from "./series.js";
import { tail } from "./tail.js";
import { see } from "./watched.js";

/**
 * @param {string} name
 * @param {import("./watched.js").Watched} watched
 */
export function topicView(name, watched) {
  const numbers = tiles(["in a second", "out a second", "subscribers", "messages kept", "bytes kept", "sent away"]);

  const who = table("Subscribers", [{ name: "Peer" }, { name: "Name" }, { name: "Policy" }, { name: "Sent", number: true }, { name: "Behind", number: true }, { name: "Missed", number: true }], "Nobody subscribes.");
  const whoCard = card("Subscribers", "", who.element);
  const gone = table("Sent away", [{ name: "Peer" }, { name: "Name" }, { name: "When" }, { name: "Why" }], "Nobody was sent away.");
  const goneCard = card("Sent away", "the last hundred", gone.element);

  const text = el("textarea", { rows: "3", placeholder: "each line is a message", spellcheck: "false" });
  const told = outcome();
  const command = el("code", { class: "command" });
  const showCommand = () => say(command, curl("POST", `/pub?topic=${named(name)}`, text.value || "…"));
  const publish = el("form", {}, field("Messages", text), command, el("div", { class: "bar" }, el("button", { type: "submit", class: "main" }, "Publish")), told.element);
  publish.addEventListener("submit", (event) => {
    event.preventDefault();
    void told.of(() => ask("POST", `/pub?topic=${named(name)}`, text.value), (answer) => answer.trim()).then(watched.soon);
  });
  text.addEventListener("input", showCommand);
  showCommand();

  const live = tail(name);
  const form = settings("topics", name, () => watched.soon());
  const missing = el("p", { class: "note" });

  return {
    title: `topic ${name}`,
    element: el("div", { class: "view" }, el("h1", {}, "Topic ", el("code", {}, name)), missing, numbers.element, el("div", { class: "columns" }, el("div", { class: "stack" }, live.element, whoCard, goneCard), el("div", { class: "stack" }, card("Publish", "", publish), form.element))),
    async update() {
      const topic = watched.topics.get(name);
      missing.hidden = topic !== undefined;
      say(missing, topic ? "" : watched.hidden[`topics/${name}`] ?? (watched.hidden.topics ? "" : "There is no topic of that name: whoever publishes to it makes it."));
      live.follow(topic !== undefined, missing.textContent);
      numbers.element.hidden = whoCard.hidden = !topic;
      if (!topic) {
        goneCard.hidden = true;
        return;
      }
      const { counters } = topic.now;
      numbers.update(topic, [rate(topic.in.last), rate(topic.out.last), count(counters.subscribers), count(counters.messages), bytes(counters.bytes), count(counters.kicked)], () => [spark(topic.in), spark(topic.out, "second")]);
      form.update(topic.now.settings);
      live.pace(topic.in.last);
      const { clients, sent_away: away } = (await see(`clients/${name}`, `/clients?topic=${named(name)}&format=json`)) ?? { clients: [], sent_away: [] };
      who.set(clients.slice(0, 100), ({ peer }) => peer, () => {
        const cells = Array.from({ length: 6 }, () => el("span"));
        return {
          cells,
          update(one) {
            const behind = one.lag_messages ? `${count(one.lag_messages)} (${bytes(one.lag_bytes)})` : "0";
            [one.peer, one.name, one.blocked ? `${one.policy}, ${duration(one.blocked)}` : one.policy, count(one.sent), behind, count(one.missed + one.skipped)].forEach((value, i) => say(cells[i], value));
          },
        };
      });
      goneCard.hidden = away.length === 0;
      gone.set(away.reverse(), ({ peer, at }) => `${peer} ${at}`, (one) => ({ cells: [one.peer, one.name, clock(one.at), one.reason ?? one.why ?? ""].map((value) => el("span", {}, value)), update() {} }));
    },
    close: live.close,
  };
}
