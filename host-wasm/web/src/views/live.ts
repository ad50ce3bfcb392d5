// A running streamgauge, followed by server-sent events.

import { Gauge, Graph } from "../../module/streamgauge.js";
import { Chart } from "../chart";
import { button, count, el, field, group, intro, number, Tiles } from "../dom";
import type { View } from "../main";
import { Follower } from "./follower";

/** Samples of the charts: four minutes, four a second. */
const SAMPLES = 960;
const INTERVAL = 250;
const SLOTS = 5000;

export function liveView(panel: HTMLElement): View {
  const parameters = new URLSearchParams(location.hash.split("?")[1] ?? "");
  const here = location.protocol === "file:" ? "http://127.0.0.1:8080" : location.origin;
  const address = field("address of a pubsub", "address", parameters.get("address") ?? here);
  const numberField = field("number: field of a message", "number-field", parameters.get("field") ?? "", "empty: the message is a number");
  const fromField = field("edge from: field", "live-from", parameters.get("from") ?? "r");
  const toField = field("edge to: field", "live-to", parameters.get("to") ?? "u");
  let gauge = new Gauge("");
  let graph = new Graph(SLOTS, true);
  let follower: Follower | undefined;
  let [missed, gaps, reconnects, arrived, sum, numbers, edges] = [0, 0, 0, 0, 0, 0, 0];
  let marked = false;
  let timer = 0;
  let started = 0;
  let tick = 0;
  const history: (number | null)[][] = [[], [], []];

  const status = el("span", { class: "pill", role: "status", id: "live-status" }, "not connected");
  const tiles = new Tiles({ messages: "messages", missed: "missed", reconnects: "reconnects", mean: "mean", deviation: "standard deviation", skewness: "skewness", kurtosis: "excess kurtosis" });
  const rateChart = new Chart({ title: "Messages", note: "a second; holes are gaps", x: "seconds", y: "messages/s", lines: [{ name: "messages/s", colour: "water", fill: true }], range: (_, __, max) => [0, Math.max(1, (max ?? 1) * 1.08)] });
  const valueChart = new Chart({ title: "Numbers", note: "mean of each quarter second; holes are gaps", x: "seconds", y: "value", lines: [{ name: "mean", colour: "second" }] });
  const histogramChart = new Chart({ title: "Histogram", note: "range from the first 64 numbers", x: "value", y: "numbers", lines: [{ name: "numbers", colour: "water", bars: true, width: 1 }], range: (_, __, max) => [0, (max || 1) * 1.08] });
  const log = el("ol", { class: "log", "aria-live": "polite", "aria-label": "What happened" });
  const body = el("tbody");
  const connect = button("Connect", () => (follower ? disconnect() : start()), { class: "main", id: "connect" });
  const form = el("div", { class: "card" },
    group("Server", address.element, el("p", { class: "note" }, "Another origin needs streamgauge serve --cors-origin.")),
    group("What is measured", numberField.element, fromField.element, toField.element, button("Fit the histogram again", () => gauge.refit())),
  );
  form.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target instanceof HTMLInputElement) start(); });

  panel.append(
    intro("Live", "The same measures on the stream of a running server. It reconnects by itself and goes on after the last message it saw; what is lost is shown.", status, connect),
    tiles.element,
    el("div", { class: "columns" },
      el("div", { class: "stack" }, rateChart.element, el("div", { class: "pair" }, valueChart.element, histogramChart.element)),
      el("div", { class: "stack" }, form,
        el("div", { class: "card" }, el("h3", {}, "What happened"), log),
        el("div", { class: "card" }, el("h3", {}, "Top edges"), el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "from"), el("th", {}, "to"), el("th", { class: "n" }, "weight"))), body)))),
  );

  function happened(text: string): void {
    log.prepend(el("li", {}, el("time", {}, new Date().toLocaleTimeString("en-GB")), text));
    while (log.children.length > 12) log.lastChild?.remove();
  }

  function start(): void {
    disconnect();
    gauge.free();
    graph.free();
    gauge = new Gauge(numberField.input.value);
    graph = new Graph(SLOTS, true);
    [missed, gaps, reconnects, arrived, sum, numbers, edges, tick] = [0, 0, 0, 0, 0, 0, 0, 0];
    history.forEach((column) => (column.length = 0));
    body.replaceChildren();
    started = performance.now();
    follower = new Follower(address.input.value, {
      message: take,
      gap(n): void {
        missed += n;
        gaps += 1;
        marked = true;
        happened(n ? `gap: ${count(n)} messages were lost` : "gap: the server began anew, what was lost isn't known");
      },
      state(state, text): void {
        status.dataset["state"] = state;
        status.textContent = text;
        happened(text);
        // The first one, while there is no follower yet, is no reconnect.
        if (state === "waiting" && follower) reconnects += 1;
        if (state !== "open") marked = true;
      },
    });
    timer = window.setInterval(sample, INTERVAL);
    connect.textContent = "Disconnect";
    Object.assign(panel, { gauge });
  }

  function disconnect(): void {
    if (!follower) return;
    follower.close();
    follower = undefined;
    clearInterval(timer);
    status.dataset["state"] = "closed";
    status.textContent = "not connected";
    connect.textContent = "Connect";
  }

  function take(message: string): void {
    arrived += 1;
    const value = gauge.push(message);
    if (value !== undefined) {
      sum += value;
      numbers += 1;
    }
    const pair = gauge.edge(message, fromField.input.value, toField.input.value);
    if (pair.length === 2) {
      graph.add(pair[0] as string, pair[1] as string);
      edges += 1;
    }
  }

  function sample(): void {
    // A gap is a hole: nothing is known about that time.
    const hole = marked || !follower?.isOpen;
    marked = false;
    const row = [(performance.now() - started) / 1000, hole ? null : (arrived * 1000) / INTERVAL, hole || numbers === 0 ? null : sum / numbers];
    row.forEach((value, i) => {
      history[i]?.push(value);
      if ((history[i]?.length ?? 0) > SAMPLES) history[i]?.shift();
    });
    [arrived, sum, numbers] = [0, 0, 0];
    tick += 1;
    if (!panel.hidden) draw();
  }

  function draw(): void {
    const moments = gauge.moments();
    tiles.set("messages", count(gauge.messages), gauge.without ? `${count(gauge.without)} without a number` : "all of them numbers");
    tiles.set("missed", count(missed), gaps ? `gaps: ${count(gaps)}` : "no gap", missed > 0);
    tiles.set("reconnects", count(reconnects));
    tiles.set("mean", number(moments.mean), `${count(moments.count)} numbers`);
    tiles.set("deviation", number(moments.deviation));
    tiles.set("skewness", number(moments.skewness));
    tiles.set("kurtosis", number(moments.excessKurtosis));
    moments.free();
    const [t, rates, values] = history as [number[], number[], number[]];
    rateChart.set([t, rates]);
    valueChart.set([t, values]);
    const histogram = gauge.histogram();
    if (histogram) {
      const edges = histogram.edges();
      histogramChart.set([Array.from(histogram.bins(), (_, i) => ((edges[i] ?? 0) + (edges[i + 1] ?? 0)) / 2), [...histogram.bins()]]);
      histogram.free();
    }
    if (edges > 0 && tick % 4 === 0) {
      body.replaceChildren(...graph.top(10).map((edge) => {
        const row = el("tr", {}, el("td", {}, edge.from), el("td", {}, edge.to), el("td", { class: "n" }, count(edge.weight)));
        edge.free();
        return row;
      }));
    }
  }

  if (parameters.has("address")) start();
  return { show(): void {}, hide(): void {} };
}
