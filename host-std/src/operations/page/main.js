// The page: asks the server once a second what it does, and shows it.

import { el, say } from "./dom.js";
import { bytes, duration } from "./format.js";
import { gaugeView } from "./gauges.js";
import { homeView } from "./home.js";
import { queueView } from "./queue.js";
import { askJson } from "./server.js";
import { startTheme } from "./theme.js";
import { startForget, tokenView } from "./token.js";
import { topicView } from "./topic.js";
import { learn, startOver, watched } from "./watched.js";

/** Between two questions, in milliseconds; where an answer takes long, so much of the time the server has its peace. */
const EVERY = 1_000;
const PEACE = 5;

/** After a question without an answer, however long that took: it says nothing of what an answer costs. */
const AGAIN = 2_000;

const health = document.getElementById("health");
const bounds = document.getElementById("bounds");
const main = document.getElementById("main");
const pause = document.getElementById("pause");
const forget = document.getElementById("forget");
let [view, wake, paused, stranger] = [undefined, () => {}, false, false];
/** Why there was no answer, if there was none. */
let trouble;
/** Whether somebody wants to know now, also on a page that is paused. */
let due = false;
watched.soon = () => {
  due = true;
  wake();
};

function showHealth({ status, checks, why }) {
  trouble = undefined;
  health.dataset.state = status;
  const wrong = Object.entries(checks).filter(([, check]) => check.status !== "ok").map(([name, check]) => `${name}: ${check.why}`);
  say(health, [status, ...wrong, ...(why ? [why] : [])].join(", "));
}

function showBounds() {
  if (!watched.overview) {
    bounds.replaceChildren();
    return;
  }
  const { version, up, memory, disk } = watched.overview;
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

/** What the address names. */
function viewed() {
  const [, kind, name] = location.hash.split("/").map(decoded);
  return { kind, name };
}

/** Whoever types an address may leave a % as it is. */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function go() {
  const { kind, name } = viewed();
  const views = { topics: topicView, queues: queueView, gauges: gaugeView };
  put(views[kind] && name ? views[kind](name, watched) : homeView(watched));
}

/** Shows a view in the place of the one that was there. */
function put(next) {
  view?.close();
  view = next;
  const parts = [view.element];
  if (view.title && !stranger) parts.unshift(el("nav", { class: "back", "aria-label": "Where this is" }, el("a", { href: "#/" }, "← everything")));
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
    if (shown === view && error.status === 401) introduce(error.message);
    else if (shown === view) lost(error);
  }
}

function lost(error) {
  trouble = error.message;
  health.dataset.state = "lost";
  say(health, paused ? trouble : `${trouble}: trying again`);
}

/** Asks for a token, and for nothing else before there is one. */
function introduce(why) {
  stranger = true;
  health.dataset.state = "limited";
  say(health, "a token is needed");
  bounds.replaceChildren();
  put(tokenView(why, () => {
    stranger = false;
    startOver();
    forget.hidden = false;
    health.removeAttribute("data-state");
    say(health, "connecting");
    wake();
  }));
  view.focus();
}

async function watch() {
  for (let begun; ; ) {
    begun = performance.now();
    if ((!paused || due) && !stranger && !document.hidden) {
      due = false;
      try {
        await learn(viewed());
        showHealth(await ready());
        showBounds();
        if (!view || view.title === "token") go();
        else await show();
      } catch (error) {
        if (error.status === 401) introduce(error.message);
        else {
          if (!view) go();
          lost(error);
        }
      }
    }
    const took = performance.now() - begun;
    await new Promise((done) => {
      wake = done;
      setTimeout(done, trouble ? AGAIN : Math.max(EVERY - took, took * PEACE));
    });
  }
}

/** Of a server that can't do all, this is an answer with another status. */
const ready = () => askJson("/readyz?format=json").catch((error) => {
  if (!error.status) throw error;
  return { status: "failing", checks: {}, why: error.message };
});

pause.addEventListener("click", () => {
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  say(pause, paused ? "Resume" : "Pause");
  if (health.dataset.state === "lost") lost(new Error(trouble));
  if (!paused) wake();
});
document.addEventListener("visibilitychange", () => wake());
addEventListener("hashchange", () => {
  if (stranger || !view) return;
  go();
  watched.soon();
  main.focus({ preventScroll: true });
});
// An address of its own would be another view.
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
startTheme(document.getElementById("theme"));
startForget(forget);
void watch();
