// A running streamgauge, followed by server-sent events.

import { Numbers, Graph, Kind, Source } from "streamgauge";
import { type Band, Chart } from "../chart";
import { button, count, el, group, intro, number, select, Tiles } from "../dom";
import { Stretch } from "../stretch";
import type { View } from "../view";
import { complete, endpoint } from "./address";
import { Counters } from "./counters";
import { Edges, heaviest } from "./edges";
import { Follower } from "./follower";
import { Gaps } from "./gaps";
import { HistogramChart } from "./histogram";
import { Message } from "./message";
import { Queues } from "./queues";
import { MAIN, Settings } from "./settings";
import { SHAPES } from "./shapes";

/** Samples of the charts: four minutes, four a second. */
const SAMPLES = 960;
const INTERVAL = 250;
const SLOTS = 5000;
/** Edges in the picture, and samples between two pictures: a second. */
const [SHOWN, CALM] = [60, 4];
/** Samples by which it is known how much comes usually, and how much more, and more than so many, is what had gathered. */
const [USUAL, TIMES, AT_LEAST] = [20, 3, 10];
const CATCHES_UP = 3;
/** Numbers that its button publishes at a time. */
const HANDFUL = 100;

export function liveView(panel: HTMLElement): View {
  const settings = new Settings();
  let measured = new Numbers("");
  let graph = new Graph(SLOTS, true);
  let follower: Follower | undefined;
  let [reconnects, arrived, sum, numbers, sampled] = [0, 0, 0, 0, 0];
  let gaps = new Gaps(SAMPLES);
  const source = new Source(Kind.Normal, 3, 0.5, Math.floor(Math.random() * 2 ** 32));
  let timer = 0;
  let following = settings.values;
  let started = 0;
  let tick = 0;
  let kind = Kind.Normal;
  /** Whether what is shown stands still; what comes is measured all the same. */
  let held = false;
  /** Usual samples until what comes can't have been published any more while there was no connection: that is not how much
   * comes now, and would dwarf all that does. */
  let catchingUp = 0;
  const history: (number | null)[][] = [[], [], []];

  const status = el("span", { class: "pill", role: "status", id: "live-status" }, "not connected");
  const tiles = new Tiles({ messages: "messages", mean: "mean", deviation: "standard deviation" });
  const others = new Tiles({ skewness: "skewness", kurtosis: "excess kurtosis", missed: "missed", reconnects: "reconnects" });
  const stretch = new Stretch();
  const rateChart = new Chart({ stretch, title: "Messages", note: "a second; marked: no connection", bands, x: "time", kind: "time", y: "messages/s", lines: [{ name: "messages/s", colour: "water", fill: true }], range: (most) => [0, Math.max(1, most * 1.08)] });
  const valueChart = new Chart({ stretch, title: "Numbers", note: "mean of each quarter second", bands, x: "time", kind: "time", y: "value", lines: [{ name: "mean", colour: "second" }] });
  const histogramChart = new HistogramChart("range from the first 64 numbers");
  const counters = new Counters();
  const queues = new Queues();
  const edges = new Edges("live");
  const hint = el("p", { class: "hint", id: "live-hint", hidden: "" });
  const log = el("ol", { class: "log", "aria-live": "polite", "aria-label": "What happened" });
  const message = new Message(measure, [settings.number.input, settings.from.input, settings.to.input]);
  const pause = button("Pause", () => hold(!held), { id: "live-pause" });
  const connect = button("Connect", () => (follower ? disconnect() : start()), { class: "main", id: "connect" });
  const pair = el("div", { class: "pair", hidden: "" }, valueChart.element, histogramChart.element);
  const form = el("div", { class: "card" },
    group("Server", settings.address.element, el("p", { class: "note" }, "With --cors-origin a server lets pages of other origins in."), settings.topic.element, settings.queue.element, button(`Publish ${HANDFUL} numbers`, () => void publish(), { id: "publish" })),
    group("What is measured", settings.number.element, select("density fitted", "fitted-kind", Object.keys(SHAPES).map((name) => [name, name]), (name) => (kind = SHAPES[name]?.kind ?? kind)).element, button("Fit the histogram again", () => measured.refit()),
      settings.from.element, settings.to.element, el("p", { class: "note" }, "Messages with both fields are the edges of a graph.")),
  );
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
    if (event.target === settings.queue.input) askForQueue();
    else start();
  });

  edges.picture.prepend(el("h3", {}, "Graph", el("small", {}, `the ${SHOWN} heaviest edges`)));
  panel.append(
    intro("Live", "A topic of a server, measured here, and its queues. What is lost is shown.", status, pause, connect),
    hint,
    el("div", { class: "first" }, tiles.element, el("div", { class: "card facts" }, others.element, counters.element)),
    el("div", { class: "columns full" },
      el("div", { class: "stack" }, rateChart.element, pair, el("p", { class: "note" }, "Drag over a chart to look at a stretch of it, or press + and −; Shift and drag moves it, Ctrl and the wheel zoom."), edges.picture),
      el("div", { class: "stack" }, queues.element, message.element, form,
        el("div", { class: "card" }, el("h3", {}, "What happened"), log),
        edges.table)),
  );

  function happened(text: string): void {
    log.prepend(el("li", {}, el("time", {}, new Date().toLocaleTimeString("en-GB")), text));
    while (log.children.length > 12) log.lastChild?.remove();
  }

  function start(): void {
    disconnect();
    measured.free();
    graph.free();
    measured = new Numbers(settings.number.input.value);
    graph = new Graph(SLOTS, true);
    [reconnects, arrived, sum, numbers, sampled, tick] = [0, 0, 0, 0, 0, 0];
    gaps = new Gaps(SAMPLES);
    history.forEach((column) => (column.length = 0));
    histogramChart.set([[], [], []]);
    message.clear();
    hold(false);
    drawEdges();
    started = performance.now();
    settings.store();
    following = settings.values;
    Object.assign(panel, { measured, gaps: gaps.list, history, histogramChart, rateChart, valueChart });
    const { address, topic } = following;
    if (!URL.canParse(endpoint(address, ""))) return tell("closed", `${address} is no address`);
    follower = new Follower(endpoint(address, "sub", { topic, format: "sse" }), {
      message(text): void {
        message.take(text);
        take(text);
      },
      gap(n): void {
        gaps.tell(n, now());
        happened(n === undefined ? "gap: the server began anew, what was lost isn't known" : `gap: ${count(n)} messages were lost`);
      },
      state(state, text): void {
        if (state === "closed") disconnect();
        else if (state === "open") {
          const again = gaps.end(now());
          reconnects += Number(again);
          catchingUp = again ? CATCHES_UP : 0;
        }
        else lose();
        tell(state, text);
      },
    });
    timer = window.setInterval(sample, INTERVAL);
    connect.textContent = "Disconnect";
    const to = topic === MAIN ? endpoint(address, "pub") : `'${endpoint(address, "pub", { topic })}'`;
    hint.replaceChildren("Nothing has been published yet. In a terminal: ", el("code", {}, `curl -d 3.14 ${to}`));
  }

  function tell(state: string, text: string): void {
    status.dataset["state"] = state;
    status.textContent = text;
    happened(text);
  }

  /** There is no connection, and what the server said is no longer so. */
  function lose(): void {
    counters.clear();
    queues.clear();
    // The first one comes while there is no follower yet.
    if (follower) gaps.begin(now());
  }

  /** If only the queue is another, nothing changes of what is measured. */
  function askForQueue(): void {
    settings.store();
    const asked = settings.values;
    if (!follower || JSON.stringify({ ...asked, queue: following.queue }) !== JSON.stringify(following)) return start();
    following = asked;
    queues.clear();
  }

  function now(): number {
    return (performance.now() - started) / 1000;
  }

  /** What a clock said when `now` was 0, in seconds since 1970. */
  function origin(): number {
    return (performance.timeOrigin + started) / 1000;
  }

  function bands(): Band[] {
    const zero = origin();
    return gaps.bands(history[0]?.[0] ?? 0, now()).map((band) => ({ ...band, from: band.from + zero, to: band.to + zero }));
  }

  function hold(still: boolean): void {
    held = still;
    pause.textContent = held ? "Go on" : "Pause";
    if (!held && follower) draw();
  }

  /** Begins anew with another field. */
  function measure(field: string): void {
    settings.number.input.value = field;
    start();
  }

  /** For whoever has no other source at hand. */
  async function publish(): Promise<void> {
    const { address, topic, field } = settings.values;
    const lines = [...source.take(HANDFUL)].map((value) => (field ? JSON.stringify({ [field]: value }) : String(value)));
    try {
      const answer = await fetch(endpoint(complete(address), "pub", { topic }), { method: "POST", body: lines.join("\n") });
      const says = (await answer.text()).trim();
      happened(answer.ok ? says : `publish: ${answer.status}: ${says.slice(0, 100) || answer.statusText}`);
    } catch {
      happened("publish: no answer");
    }
  }

  function disconnect(): void {
    if (!follower) return;
    follower.close();
    follower = undefined;
    clearInterval(timer);
    counters.clear();
    queues.clear();
    status.dataset["state"] = "closed";
    status.textContent = "not connected";
    connect.textContent = "Connect";
  }

  function take(message: string): void {
    arrived += 1;
    const value = measured.push(message);
    if (value !== undefined) {
      sum += value;
      numbers += 1;
    }
    const pair = measured.edge(message, settings.from.input.value, settings.to.input.value);
    if (pair.length === 2) graph.add(pair[0] as string, pair[1] as string);
  }

  /** How many messages have come a second of late. */
  function usual(): number {
    const rates = (history[1] ?? []).filter((rate) => rate !== null).slice(-USUAL);
    return rates.reduce((sum, rate) => sum + rate, 0) / Math.max(1, rates.length);
  }

  function sample(): void {
    // Nothing is known about a time without a connection.
    const hole = !follower?.isOpen;
    const at = now();
    // A page that nobody sees is called less often than it asked for.
    const passed = Math.max(at - sampled, 0.001);
    sampled = at;
    const gathered = catchingUp > 0 && arrived > AT_LEAST + TIMES * usual() * passed;
    if (catchingUp > 0 && !gathered) catchingUp -= 1;
    const row = [at, hole || gathered ? null : arrived / passed, hole || numbers === 0 ? null : sum / numbers];
    row.forEach((value, i) => {
      history[i]?.push(value);
      if ((history[i]?.length ?? 0) > SAMPLES) history[i]?.shift();
    });
    [arrived, sum, numbers] = [0, 0, 0];
    tick += 1;
    if (panel.hidden || held) return;
    draw();
    if (tick % CALM === 0) drawEdges();
    if (hole) return;
    void counters.ask(following.address, following.topic);
    void queues.ask(following.address, following.topic, following.queue);
  }

  function draw(): void {
    const moments = measured.moments();
    tiles.set("messages", count(measured.messages), measured.without ? `${count(measured.without)} without a number` : "all of them numbers");
    others.set("missed", gaps.lost.text, gaps.list.length ? `gaps: ${count(gaps.list.length)}` : "no gap", gaps.lost.alarm);
    hint.hidden = measured.messages > 0 || !follower?.isOpen;
    others.set("reconnects", count(reconnects));
    tiles.set("mean", number(moments.mean, 4), `${count(moments.count)} numbers`);
    tiles.set("deviation", number(moments.deviation, 4));
    others.set("skewness", number(moments.skewness, 3));
    others.set("kurtosis", number(moments.excessKurtosis, 3));
    message.draw();
    // Without a number there is nothing to see in them.
    pair.hidden = moments.count === 0;
    const [seconds, rates, values] = history as [number[], number[], number[]];
    const zero = origin();
    const t = seconds.map((second) => second + zero);
    rateChart.set([t, rates]);
    valueChart.set([t, values]);
    const histogram = measured.histogram();
    if (histogram) histogramChart.show(histogram, moments, kind);
    histogram?.free();
    moments.free();
  }

  /** A stream without edges has no place for a picture of them. */
  function drawEdges(): void {
    edges.picture.hidden = edges.table.hidden = graph.edges === 0;
    edges.set(heaviest(graph, 2 * SHOWN), SHOWN);
  }

  /** The page's address and the fields say the same; what is new there is what somebody wants. */
  function agree(): void {
    if (panel.hidden) return;
    if (settings.load() && settings.known) start();
    else if (follower) settings.store();
  }

  drawEdges();
  settings.load();
  if (settings.known) start();
  addEventListener("hashchange", agree);
  return {
    show(): void {
      agree();
      edges.net.go();
    },
    hide: () => edges.net.stop(),
  };
}
