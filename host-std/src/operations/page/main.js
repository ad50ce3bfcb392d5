// The page: asks the server once a second what it does, and shows it.

import { el, say } from "./dom.js";
import { bytes, duration } from "./format.js";
import { gaugeView } from "./gauges.js";
import { homeView } from "./home.js";
import { queueView } from "./queue.js";
import { Rate, Series } from "./series.js";
import { askJson } from "./server.js";
import { startTheme } from "./theme.js";
import { topicView } from "./topic.js";

/** Between two questions, in milliseconds; where an answer takes long, so much of the time the server has its peace. */
const EVERY = 1_000;
const PEACE = 5;

/**
 * What is known of the server.
 * @typedef {object} Watched
 * @property {Map<string, { now: any, in: Rate, out: Rate }>} topics
 * @property {Map<string, { now: any, in: Rate, out: Rate, depth: Series }>} queues
 * @property {any[]} gauges
 * @property {Record<string, Series>} totals
 * @property {() => void} soon asks at once
 */

/** @type {Watched} */
const watched = {
  topics: new Map(),
  queues: new Map(),
  gauges: [],
  totals: { in: new Series(), out: new Series(), puts: new Series(), gets: new Series(), depth: new Series(), subscribers: new Series() },
  soon: () => wake(),
};

const health = document.getElementById("health");
const bounds = document.getElementById("bounds");
const main = document.getElementById("main");
const pause = document.getElementById("pause");
let [view, wake, asked, paused] = [undefined, () => {}, 0, false];

/** Asks for everything once. */
async function learn() {
  const seconds = Math.max(0.001, (performance.now() - asked) / 1000);
  const [topics, queues, gauges, overview, ready] = await Promise.all(["/topics", "/queues", "/gauges", "/overview", "/readyz?format=json"].map((path) => askJson(path).catch((error) => {
    // Of a server that can't do all, this is an answer with another status.
    if (path.startsWith("/readyz")) return { status: "failing", checks: {}, why: error.message };
    throw error;
  })));
  asked = performance.now();
  merge(watched.topics, topics, (name) => ({ now: name, in: new Rate(), out: new Rate() }), (topic, { counters }) => {
    topic.in.count(counters.received, seconds);
    topic.out.count(counters.sent, seconds);
  });
  merge(watched.queues, queues, (name) => ({ now: name, in: new Rate(), out: new Rate(), depth: new Series() }), (queue, { counters }) => {
    queue.in.count(counters.accepted, seconds);
    queue.out.count(counters.delivered + counters.acked, seconds);
    queue.depth.push(counters.ready + counters.delayed);
  });
  watched.gauges = gauges;
  const sum = (of, value) => [...of.values()].reduce((total, one) => total + (value(one) ?? 0), 0);
  const { totals } = watched;
  totals.in.push(sum(watched.topics, (topic) => topic.in.last));
  totals.out.push(sum(watched.topics, (topic) => topic.out.last));
  totals.puts.push(sum(watched.queues, (queue) => queue.in.last));
  totals.gets.push(sum(watched.queues, (queue) => queue.out.last));
  totals.depth.push(sum(watched.queues, (queue) => queue.depth.last));
  totals.subscribers.push(sum(watched.topics, (topic) => topic.now.counters.subscribers));
  showHealth(ready);
  showBounds(overview);
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

function showHealth({ status, checks, why }) {
  health.dataset.state = status;
  const wrong = Object.entries(checks).filter(([, check]) => check.status !== "ok").map(([name, check]) => `${name}: ${check.why}`);
  say(health, [status, ...wrong, ...(why ? [why] : [])].join(", "));
}

function showBounds({ version, up, memory, disk }) {
  const used = ({ bytes: held, budget }) => `${bytes(held)} of ${bytes(budget)}`;
  const all = [["memory", used(memory), memory.bytes / memory.budget], ...(disk ? [["disk", used(disk), disk.bytes / disk.budget]] : []), ["up", duration(up)], ["version", version]];
  if (bounds.childElementCount !== all.length) {
    bounds.replaceChildren(...all.map(([name, , part]) => el("div", {}, el("dt", {}, name), el("dd", {}, el("span"), ...(part === undefined ? [] : [el("meter", { max: "1", high: "0.9", optimum: "0", "aria-label": `${name} in use` })])))));
  }
  all.forEach(([, text, part], i) => {
    say(bounds.children[i].querySelector("span"), text);
    if (part !== undefined) bounds.children[i].querySelector("meter").value = part;
  });
}

/** Shows what the address names. */
function go() {
  const [, kind, name] = location.hash.split("/").map(decodeURIComponent);
  view?.close();
  const views = { topics: topicView, queues: queueView, gauges: gaugeView };
  view = views[kind] && name ? views[kind](name, watched) : homeView(watched);
  const parts = [view.element];
  if (view.title) parts.unshift(el("nav", { class: "back", "aria-label": "Where this is" }, el("a", { href: "#/" }, "← everything")));
  main.replaceChildren(...parts);
  document.title = view.title ? `${view.title} – streamgauge` : "streamgauge";
  scrollTo(0, 0);
  void show();
}

async function show() {
  const shown = view;
  try {
    await shown.update(Date.now());
  } catch (error) {
    if (shown === view) lost(error);
  }
}

function lost(error) {
  health.dataset.state = "lost";
  say(health, `${error.message}: trying again`);
}

async function watch() {
  for (;;) {
    const begun = performance.now();
    if (!paused && !document.hidden) {
      try {
        await learn();
        await show();
      } catch (error) {
        lost(error);
      }
    }
    const took = performance.now() - begun;
    await new Promise((done) => {
      wake = done;
      setTimeout(done, Math.max(EVERY - took, took * PEACE));
    });
  }
}

pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
});
document.addEventListener("visibilitychange", () => wake());
addEventListener("hashchange", () => {
  go();
  main.focus({ preventScroll: true });
});
startTheme(document.getElementById("theme"));
go();
void watch();
