// What went wrong of late: requests that were refused, and clients that are too slow.

import { card, el, say, table } from "./dom.js";
import { bytes, clock, count, duration } from "./format.js";
import { named } from "./server.js";
import { see } from "./watched.js";

/** Rows of a table. */
const ROWS = 20;

/** Topics whose subscribers are looked at, and how often, in milliseconds: each is a question of its own. */
const TOPICS = 8;
const EVERY = 2_000;

/** A subscriber that has so much to come is one that an operator wants to know of. */
const BEHIND = 64 << 10;

/** A row of texts. */
function texts(values) {
  return (item) => {
    const cells = values(item).map((value) => el("span", {}, value));
    return { cells, update: (item) => values(item).forEach((value, i) => say(cells[i], value)) };
  };
}

/** Requests that were refused; those that are the same, and were told the same, as one. */
export function refusals(watched) {
  const rows = table("Refused", [{ name: "Last" }, { name: "Times", number: true }, { name: "Answer", number: true }, { name: "Reason" }, { name: "Request" }, { name: "Client" }, { name: "What it was told" }], "Nothing was refused.");
  rows.element.classList.add("told");
  const sums = el("p", { class: "note" });
  const row = texts(({ time, times, status, reason, method, path, host, line }) => [clock(time), count(times), String(status), reason, `${method} ${path}`.trim() || "–", host, line]);
  return {
    element: card("Refused", "the last 50", sums, rows.element),
    update() {
      const { refused, refusals } = watched.overview ?? { refused: {}, refusals: [] };
      const reasons = Object.entries(refused).sort(([, a], [, b]) => b - a).map(([reason, times]) => `${reason} ${count(times)}`);
      say(sums, watched.hidden.overview ?? (reasons.length ? `Since the start: ${reasons.join(", ")}` : ""));
      const groups = new Map();
      for (const { time, peer, ...one } of refusals) {
        const host = peer.replace(/:\d+$/, "");
        const key = [host, one.method, one.path, one.status, one.reason, one.line].join(" ");
        const group = groups.get(key);
        if (group) group.times += 1;
        else groups.set(key, { ...one, key, host, time, times: 1 });
      }
      rows.set([...groups.values()].slice(0, ROWS), ({ key }) => key, row);
      rows.element.hidden = watched.overview === undefined;
    },
  };
}

/** Subscribers that are far behind, have missed something, or were sent away: of the topics where it is likeliest. */
export function slowClients(watched) {
  const rows = table("Slow clients", [{ name: "Client" }, { name: "Topic" }, { name: "Policy" }, { name: "Behind", number: true }, { name: "Missed", number: true }, { name: "What became of it" }], "Nobody is slow.");
  const note = el("p", { class: "note" });
  const row = texts(({ who, topic, policy, behind, missed, fate }) => [who, topic, policy, bytes(behind), count(missed), fate]);
  let last = 0;
  return {
    element: card("Slow clients", "", note, rows.element),
    async update(now) {
      if (now - last < EVERY) return;
      last = now;
      const all = [...watched.topics.values()].map(({ now: { name, counters } }) => ({ name, ...counters })).filter(({ subscribers, kicked }) => subscribers + kicked > 0);
      const some = all.sort((a, b) => b.kicked - a.kicked || b.subscribers - a.subscribers).slice(0, TOPICS);
      say(note, watched.hidden.topics ?? (some.length < all.length ? `Of ${TOPICS} of ${count(all.length)} topics with subscribers.` : ""));
      const slow = (await Promise.all(some.map(({ name }) => of(name)))).flat();
      rows.set(slow.sort((a, b) => b.at - a.at || b.behind - a.behind).slice(0, ROWS), ({ key }) => key, row);
      rows.element.hidden = watched.hidden.topics !== undefined;
    },
  };
}

/** Those of a topic. */
async function of(topic) {
  const { clients, sent_away: away } = (await see(`clients/${topic}`, `/clients?topic=${named(topic)}&format=json`)) ?? { clients: [], sent_away: [] };
  const who = ({ name, peer }) => (name ? `${name}, ${peer}` : peer);
  const here = clients.filter((one) => one.lag_bytes >= BEHIND || one.missed + one.skipped > 0 || one.blocked >= 1);
  return [
    ...away.map((one) => ({ key: `${topic} ${one.peer} ${one.at}`, who: who(one), topic, policy: "–", behind: one.lag_bytes, missed: null, at: Date.parse(one.at), fate: `sent away at ${clock(one.at)}: ${one.reason}` })),
    ...here.map((one) => ({ key: `${topic} ${one.peer}`, who: who(one), topic, policy: one.policy, behind: one.lag_bytes, missed: one.missed + one.skipped, at: Infinity, fate: one.blocked >= 1 ? `held publishers for ${duration(one.blocked)}` : "goes on" })),
  ];
}
