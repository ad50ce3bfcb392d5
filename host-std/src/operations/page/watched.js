// What is known of the server, and how it came to be known.

import { Rate, Series } from "./series.js";
import { askJson, named } from "./server.js";

/** For how long a token is not tried again on what it may not see, or on what is not there, in milliseconds: each try is a refusal. */
const PATIENCE = 60_000;
const ABSENT = 3_000;

/**
 * @typedef {object} Watched
 * @property {Map<string, { now: any, in: Rate, out: Rate }>} topics
 * @property {Map<string, { now: any, in: Rate, out: Rate, depth: Series, back: Rate }>} queues
 * @property {any[]} gauges
 * @property {any} overview
 * @property {Record<string, string>} hidden why the token may not see something
 * @property {Record<string, string>} prefix of the names that are asked for where it may not see all
 * @property {Record<string, Series>} totals
 * @property {() => void} soon asks at once
 */

/** @type {Watched} */
export const watched = {
  topics: new Map(),
  queues: new Map(),
  gauges: [],
  overview: undefined,
  hidden: {},
  prefix: {},
  totals: { in: new Series(), out: new Series(), puts: new Series(), gets: new Series(), depth: new Series(), subscribers: new Series() },
  soon: () => {},
};

/** Until when something is refused to the token, and in which words. */
const refused = new Map();

/** Forgets what another token may not see. */
export function startOver() {
  refused.clear();
  watched.hidden = {};
}

/**
 * Asks for something that the token may not see, or that is not there: then it is `undefined`, and `hidden` says why.
 * @param {string} what
 * @param {string} path
 */
export async function see(what, path) {
  const before = refused.get(path);
  if (before && performance.now() < before.until) {
    watched.hidden[what] = before.why;
    return undefined;
  }
  try {
    const answer = await askJson(path);
    delete watched.hidden[what];
    return answer;
  } catch (error) {
    if (error.status !== 403 && error.status !== 404) throw error;
    refused.set(path, { until: performance.now() + (error.status === 403 ? PATIENCE : ABSENT), why: error.message });
    watched.hidden[what] = error.message;
    return undefined;
  }
}

/** All names of a kind; those of a prefix, or the one that is looked at, where the token may not see more. */
async function names(kind, viewed) {
  const prefix = watched.prefix[kind];
  const all = await see(kind, prefix ? `/${kind}?prefix=${named(prefix)}` : `/${kind}`);
  if (all || viewed.kind !== kind || kind === "gauges") return all ?? [];
  const one = await see(`${kind}/${viewed.name}`, `/${kind}/${named(viewed.name)}`);
  return one ? [one] : [];
}

/**
 * Asks for everything once; the first thing alone, as without a token all would be refused.
 * @param {{ kind?: string, name?: string }} viewed
 */
export async function learn(viewed) {
  watched.overview = await see("overview", "/overview");
  const [topics, queues, gauges] = await Promise.all(["topics", "queues", "gauges"].map((kind) => names(kind, viewed)));
  const at = performance.now();
  merge(watched.topics, topics, (now) => ({ now, in: new Rate(), out: new Rate() }), (topic, { counters }) => {
    topic.in.count(counters.received, at);
    topic.out.count(counters.sent, at);
  });
  merge(watched.queues, queues, (now) => ({ now, in: new Rate(), out: new Rate(), depth: new Series(), back: new Rate() }), (queue, { counters }) => {
    queue.in.count(counters.accepted, at);
    queue.out.count(counters.delivered + counters.acked, at);
    queue.back.count(counters.requeued + counters.timed_out, at);
    queue.depth.push(counters.ready + counters.delayed);
  });
  watched.gauges = gauges;
  const { totals, hidden } = watched;
  const sum = (kind, value) => (hidden[kind] ? null : [...watched[kind].values()].reduce((total, one) => total + (value(one) ?? 0), 0));
  totals.in.push(sum("topics", (topic) => topic.in.last));
  totals.out.push(sum("topics", (topic) => topic.out.last));
  totals.puts.push(sum("queues", (queue) => queue.in.last));
  totals.gets.push(sum("queues", (queue) => queue.out.last));
  totals.depth.push(sum("queues", (queue) => queue.depth.last));
  totals.subscribers.push(sum("topics", (topic) => topic.now.counters.subscribers));
}

/** What is there now; what is gone is forgotten. */
function merge(known, list, make, count) {
  const names = new Set(list.map(({ name }) => name));
  for (const name of known.keys()) if (!names.has(name)) known.delete(name);
  for (const now of list) {
    let one = known.get(now.name);
    if (!one) known.set(now.name, (one = make(now)));
    one.now = now;
    count(one, now);
  }
}
