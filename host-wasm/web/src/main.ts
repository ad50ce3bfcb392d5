// Loads the module, and shows the view that the address names.

import "./style.css";
import init, * as streamgauge from "streamgauge";
import { startTheme } from "./theme";
import type { View } from "./view";
import { gaugesView } from "./views/gauges/view";
import { graphView } from "./views/graph";
import { liveView } from "./views/live";
import { pipelineView } from "./views/pipeline";
import { statisticsView } from "./views/statistics";

const makers: Record<string, (panel: HTMLElement) => View> = {
  pipeline: pipelineView,
  statistics: statisticsView,
  graph: graphView,
  live: liveView,
  gauges: gaugesView,
};
const views = new Map<string, View>();
const tabs = [...document.querySelectorAll<HTMLAnchorElement>('[role="tab"]')];
let shown: string | undefined;
let first = "pipeline";

function show(): void {
  const asked = location.hash.slice(1).split("?")[0] ?? "";
  const name = Object.hasOwn(makers, asked) ? asked : first;
  if (name === shown) return;
  if (shown) views.get(shown)?.hide();
  shown = name;
  for (const tab of tabs) {
    const selected = tab.id === `tab-${name}`;
    tab.setAttribute("aria-selected", String(selected));
    tab.tabIndex = selected ? 0 : -1;
  }
  for (const panel of document.querySelectorAll<HTMLElement>('[role="tabpanel"]')) panel.hidden = panel.id !== `${name}-view`;
  const panel = document.getElementById(`${name}-view`);
  const maker = makers[name];
  if (!panel || !maker) return;
  let view = views.get(name);
  if (!view) {
    view = maker(panel);
    views.set(name, view);
  }
  view.show();
  document.title = `${document.getElementById(`tab-${name}`)?.textContent} – streamgauge`;
}

/** A page that comes from a streamgauge begins with that server's stream. */
async function findServer(): Promise<void> {
  if (!location.protocol.startsWith("http")) return;
  // Any server has an answer to this: one that hasn't would be an error in the console.
  const answer = await fetch(location.pathname, { method: "HEAD" }).catch(() => undefined);
  if (!answer?.headers.get("server")?.startsWith("streamgauge")) return;
  document.documentElement.dataset["server"] = "streamgauge";
  first = "live";
}

function keys(event: KeyboardEvent): void {
  const at = tabs.indexOf(event.target as HTMLAnchorElement);
  if (at < 0) return;
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  const tab = tabs[(to + tabs.length) % tabs.length];
  tab?.focus();
  tab?.click();
}

async function start(): Promise<void> {
  const toggle = document.getElementById("theme");
  if (toggle instanceof HTMLButtonElement) startTheme(toggle);
  // The address keeps the view, also before there is one.
  document.querySelector(".skip")?.addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("main")?.focus();
  });
  await Promise.all([init(), findServer()]);
  tabs[0]?.parentElement?.addEventListener("keydown", keys);
  // For the console: every class of the module.
  Object.assign(globalThis, { streamgauge });
  addEventListener("hashchange", show);
  show();
  document.documentElement.dataset["ready"] = "yes";
}

start().catch((error: unknown) => {
  const trouble = document.getElementById("trouble");
  if (!trouble) return;
  trouble.hidden = false;
  const hint = location.protocol === "file:" ? " Browsers load modules only from a server: try host-wasm/build --serve." : "";
  trouble.textContent = `The module could not be started: ${String(error)}.${hint}`;
});
