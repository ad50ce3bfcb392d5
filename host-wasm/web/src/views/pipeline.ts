// The pipeline, alive: the core's pubsub, queue and readers on a clock of their own.

import { Kind, Pipeline } from "streamgauge";
import { Chart } from "../chart";
import { button, count, el, group, intro, number, seconds, select, slider, type Slider, Tiles } from "../dom";
import { Stretch } from "../stretch";
import { still } from "../theme";
import type { View } from "../view";
import { Flow, isFull, type Scene } from "./flow";

interface Settings {
  sources: number[];
  readers: number[];
  maxDepth: number;
  subscriber: number;
  maxLag: number;
}

const PRESETS: Record<string, Settings> = {
  "In balance": { sources: [12, 8], readers: [14, 8, 4], maxDepth: 100, subscriber: 24, maxLag: 80 },
  "One very slow processor": { sources: [12, 8], readers: [1, 8, 4], maxDepth: 100, subscriber: 10, maxLag: 80 },
  "1,000 a second": { sources: [700, 300], readers: [500, 300, 150], maxDepth: 1000, subscriber: 400, maxLag: 1500 },
  "10,000 a second": { sources: [7000, 3000], readers: [5000, 3000, 1500], maxDepth: 10_000, subscriber: 4000, maxLag: 15_000 },
  "100,000 a second": { sources: [70_000, 30_000], readers: [50_000, 30_000, 15_000], maxDepth: 100_000, subscriber: 40_000, maxLag: 30_000 },
};
const KINDS: Record<string, [Kind, number, number]> = {
  "normal, mean 3, deviation 0.5": [Kind.Normal, 3, 0.5],
  "uniform, 0 to 1": [Kind.Uniform, 0, 1],
  "exponential, mean 0.5": [Kind.Exponential, 2, 0],
  "log-normal, deviation 0.5": [Kind.LogNormal, 0, 0.5],
  "Pareto, alpha 5": [Kind.Pareto, 1, 5],
};
const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 5, 10];
const SOURCES = ["source A", "source B"];
const READERS = ["reader 1", "reader 2", "reader 3"];
const LOG_MESSAGES = 32_768;
/** Samples of the charts: 60 seconds, ten a second. */
const SAMPLES = 600;
const INTERVAL = 0.1;
const SEED = 42;

export function pipelineView(panel: HTMLElement): View {
  let settings: Settings = structuredClone(PRESETS["One very slow processor"] as Settings);
  let pipeline = new Pipeline(SEED, LOG_MESSAGES, settings.maxDepth);
  let [speed, running, frame, last] = [1, true, 0, 0];
  let sampled = { at: 0, published: 0, delivered: 0, overflow: 0, kicks: 0 };
  const history: (number | null)[][] = Array.from({ length: 9 }, () => []);
  const flow = new Flow(SOURCES, READERS);

  const tiles = new Tiles({ published: "published", depth: "queue depth", overflow: "overflow", delivered: "read", wait: "mean wait", lag: "slow subscriber", mean: "mean", variance: "variance" });
  const says = el("p", { class: "says", id: "says" });
  const told = el("p", { class: "unseen", role: "status", id: "told" });
  const stretch = new Stretch();
  const depthChart = new Chart({
    stretch, title: "Queue", note: "items waiting", x: "seconds", y: "items",
    lines: [{ name: "depth", colour: "water", fill: true }, { name: "high water", colour: "accent", dash: [6, 4], width: 1.5 }, { name: "limit", colour: "soft", dash: [2, 4], width: 1.5 }],
    range: (most) => [0, Math.max(10, most * 1.08)],
  });
  const rateChart = new Chart({
    stretch, title: "Flow", note: "messages a second", x: "seconds", y: "messages/s",
    lines: [{ name: "published", colour: "second" }, { name: "read", colour: "water" }, { name: "overflow", colour: "accent" }],
    range: (most) => [0, Math.max(1, most * 1.08)],
  });
  const lagChart = new Chart({
    stretch, title: "Slow subscriber", note: "messages behind; dashed: kicked beyond", x: "seconds", y: "messages",
    lines: [{ name: "lag", colour: "third", fill: true }, { name: "kick limit", colour: "accent", dash: [6, 4], width: 1.5 }],
    range: (most) => [0, Math.max(10, most * 1.08)],
  });

  const rate = (value: number): string => (value === 0 ? "stopped" : `${count(value)}/s`);
  const sliders: Record<string, Slider> = {};
  const sourceControls = SOURCES.map((name, i) => {
    const made = slider({ label: name, id: `source-${i}`, min: 0, max: 100_000, value: settings.sources[i] ?? 0, log: true, format: rate, change: (value) => { settings.sources[i] = value; pipeline.setSourceRate(i, value); } });
    sliders[`source-${i}`] = made;
    const kinds = Object.keys(KINDS).map((kind): [string, string] => [kind, kind]);
    const kind = select(`numbers of ${name}`, `kind-${i}`, kinds, (value) => pipeline.setSourceKind(i, ...(KINDS[value] as [Kind, number, number])));
    return { made, kind };
  });
  const readerControls = READERS.map((name, i) => {
    const made = slider({ label: name, id: `reader-${i}`, min: 0, max: 100_000, value: settings.readers[i] ?? 0, log: true, format: rate, change: (value) => { settings.readers[i] = value; pipeline.setReaderRate(i, value); } });
    sliders[`reader-${i}`] = made;
    return made;
  });
  const depthControl = slider({ label: "queue limit", id: "max-depth", min: 1, max: 100_000, value: settings.maxDepth, log: true, format: (value) => `${count(value)} items`, change: (value) => { settings.maxDepth = value; pipeline.setMaxDepth(value); } });
  const slowControl = slider({ label: "slow subscriber reads", id: "subscriber", min: 0, max: 100_000, value: settings.subscriber, log: true, format: rate, change: (value) => { settings.subscriber = value; pipeline.setSubscriberRate(value); } });
  const lagControl = slider({ label: "kicked when behind by", id: "max-lag", min: 0, max: 100_000, value: settings.maxLag, log: true, format: (value) => (value === 0 ? "never: it skips" : count(value)), change: (value) => { settings.maxLag = value; pipeline.setMaxLag(value); } });
  const speedSlider = slider({ label: "speed", id: "speed", min: 0, max: SPEEDS.length - 1, step: 1, value: SPEEDS.indexOf(1), format: (i) => `${SPEEDS[i] ?? 1}×`, change: (i) => (speed = SPEEDS[i] ?? 1) });

  const pause = button("Pause", () => setRunning(!running), { class: "main", id: "pause", "aria-keyshortcuts": "p" });
  const step = button("Step 0.1 s", () => { setRunning(false); advance(0.1, 0.1); }, { id: "step", "aria-keyshortcuts": "." });
  const again = button("Start again", () => rebuild(), { id: "again" });
  const presets = el("div", { class: "bar", role: "group", "aria-label": "Situations" }, ...Object.keys(PRESETS).map((name) => button(name, () => choose(name), { "data-preset": name })));

  panel.append(
    intro("The pipeline, alive", "Sources publish, the pubsub gives every message to each subscriber, a bridge puts them on a bounded queue, and readers share what is queued. All of it runs here, in the same code as the server.", pause, step, again),
    presets,
    el("div", { class: "columns" },
      el("div", { class: "stack" }, el("div", { class: "card" }, flow.canvas, says, told), tiles.element,
        el("div", { class: "pair" }, depthChart.element, rateChart.element, lagChart.element)),
      el("div", { class: "card" },
        group("Sources", ...sourceControls.flatMap(({ made, kind }) => [made.element, kind.element])),
        group("Queue", depthControl.element),
        group("Readers", ...readerControls.map(({ element }) => element)),
        group("Slow subscriber", slowControl.element, lagControl.element),
        group("Clock", speedSlider.element))),
    el("p", { class: "note" }, "Keys: p pauses, . makes one step. When more comes in than goes out the queue fills; at its limit the oldest items leave and are counted. Published = read + waiting + overflow, always."),
  );

  function setRunning(to: boolean): void {
    running = to;
    pause.textContent = running ? "Pause" : "Go on";
  }

  function choose(name: string): void {
    settings = structuredClone(PRESETS[name] as Settings);
    settings.sources.forEach((value, i) => sliders[`source-${i}`]?.set(value));
    settings.readers.forEach((value, i) => sliders[`reader-${i}`]?.set(value));
    depthControl.set(settings.maxDepth);
    slowControl.set(settings.subscriber);
    lagControl.set(settings.maxLag);
    for (const preset of presets.querySelectorAll("button")) preset.setAttribute("aria-pressed", String(preset.dataset["preset"] === name));
    rebuild();
  }

  function rebuild(): void {
    pipeline.free();
    pipeline = new Pipeline(SEED, LOG_MESSAGES, settings.maxDepth);
    sourceControls.forEach(({ kind }, i) => pipeline.addSource(settings.sources[i] ?? 0, ...(KINDS[kind.input.value] as [Kind, number, number])));
    settings.readers.forEach((value) => pipeline.addReader(value));
    pipeline.setSubscriberRate(settings.subscriber);
    pipeline.setMaxLag(settings.maxLag);
    sampled = { at: 0, published: 0, delivered: 0, overflow: 0, kicks: 0 };
    history.forEach((column) => (column.length = 0));
    flow.reset();
    setRunning(true);
    publishToTests();
  }

  /** One frame: so many seconds pass for the watcher, so many in the pipeline. */
  function advance(watched: number, flowed: number): void {
    // In steps of the charts' samples, so that none is skipped at high speed.
    let left = flowed;
    while (left > 1e-9) {
      const part = Math.min(left, Math.max(1e-9, sampled.at + INTERVAL - pipeline.now));
      pipeline.step(part);
      left -= part;
      if (pipeline.now >= sampled.at + INTERVAL - 1e-9) sample();
    }
    draw(watched, flowed);
  }

  function sample(): void {
    const now = { at: pipeline.now, published: pipeline.published, delivered: pipeline.delivered, overflow: pipeline.overflow, kicks: pipeline.kicks };
    const passed = now.at - sampled.at;
    // Smoothed over about a second: messages come at random times.
    const smooth = (column: number, value: number): number => {
      const before = history[column]?.at(-1) ?? value;
      return before + (value - before) * 0.15;
    };
    const row = [now.at, pipeline.depth, pipeline.highWater, settings.maxDepth, smooth(4, (now.published - sampled.published) / passed), smooth(5, (now.delivered - sampled.delivered) / passed), smooth(6, (now.overflow - sampled.overflow) / passed), pipeline.connected ? pipeline.pending : null, settings.maxLag || null];
    row.forEach((value, i) => {
      const column = history[i];
      column?.push(value);
      if (column && column.length > SAMPLES) column.shift();
    });
    sampled = now;
  }

  const inflow = (): number => settings.sources.reduce((sum, rate) => sum + rate, 0);
  const outflow = (): number => settings.readers.reduce((sum, rate) => sum + rate, 0);

  /** The lesson in words; the status, which is read aloud, changes only when the situation does. */
  function say({ depth, maxDepth }: Scene): void {
    const [come, go] = [inflow(), outflow()];
    const flows = `${count(come)} a second come in, ${count(go)} can go out: `;
    const [situation, more] = isFull({ depth, maxDepth }) && come >= go
      ? ["the queue is full, and the oldest messages overflow", `, ${count(Math.max(0, come - go))} a second`]
      : come > go
        ? ["the queue is storing messages", `, and is full in ${seconds((maxDepth - depth) / (come - go))}`]
        : depth > maxDepth / 5 && go > come
          ? ["the queue is running empty", ` in ${seconds(depth / (go - come))}`]
          : ["hardly anything waits", ""];
    says.textContent = `${flows}${situation}${more}.`;
    if (told.textContent !== situation) told.textContent = situation;
  }

  let charted = 0;
  function draw(watched: number, flowed: number): void {
    const moments = pipeline.moments();
    const scene: Scene = {
      sources: [...pipeline.publishedBySource()], published: pipeline.published, delivered: [...pipeline.deliveredByReader()], overflow: pipeline.overflow,
      depth: pipeline.depth, highWater: pipeline.highWater, maxDepth: settings.maxDepth, received: pipeline.received, pending: pipeline.pending,
      maxLag: settings.maxLag, kicks: pipeline.kicks, connected: pipeline.connected, mean: `mean ${number(moments.mean, 4)}`,
      paces: settings.readers, growth: inflow() - outflow(),
    };
    flow.draw(scene, watched, flowed);
    // Numbers and charts that change faster can't be read.
    charted += watched;
    if (charted > 0.1 || !running) {
      charted = 0;
      showNumbers(scene, moments.mean, moments.sampleVariance);
      const [t, depth, high, limit, published, read, overflow, lag, kick] = history as number[][];
      if (t && depth && high && limit && published && read && overflow && lag && kick) {
        depthChart.set([t, depth, high, limit]);
        rateChart.set([t, published, read, overflow]);
        lagChart.set([t, lag, kick]);
      }
    }
    moments.free();
  }

  function showNumbers(scene: Scene, mean: number | undefined, variance: number | undefined): void {
    say(scene);
    const wait = pipeline.wait();
    const losing = scene.overflow > 0;
    tiles.set("published", count(scene.published), `in ${pipeline.now.toFixed(1)} s`);
    tiles.set("depth", count(scene.depth), `high water ${count(scene.highWater)}`, scene.depth >= scene.maxDepth);
    tiles.set("overflow", count(scene.overflow), losing ? `${((100 * scene.overflow) / scene.published).toFixed(1)} % lost` : "nothing lost", losing);
    tiles.set("delivered", count(pipeline.delivered), `by ${READERS.length} readers`);
    tiles.set("wait", wait.mean === undefined ? "–" : seconds(wait.mean), wait.max === undefined ? "" : `longest ${seconds(wait.max)}`);
    tiles.set("lag", scene.connected ? count(scene.pending) : "away", `kicked ${scene.kicks}×, lost ${count(pipeline.lagged)}`, !scene.connected);
    tiles.set("mean", number(mean, 4), "of what was read");
    tiles.set("variance", number(variance, 4), "of what was read");
    wait.free();
    flow.canvas.setAttribute("aria-label", `The pipeline: ${count(scene.published)} published, ${count(scene.depth)} of ${count(scene.maxDepth)} waiting, ${count(scene.overflow)} overflowed, slow subscriber ${scene.connected ? `${count(scene.pending)} behind` : "kicked"}.`);
  }

  let unseen = 0;
  function loop(now: number): void {
    frame = requestAnimationFrame(loop);
    // The first frame may have begun before the view was shown.
    const passed = Math.min(Math.max(now - last, 0) / 1000, 0.1);
    last = now;
    if (!running) return;
    unseen += passed;
    if (still.matches && unseen < 0.5) return;
    advance(unseen, unseen * speed);
    unseen = 0;
  }

  function keys(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || (event.target instanceof HTMLElement && event.target.matches("select, input[type=text]"))) return;
    if (event.key === "p") pause.click();
    else if (event.key === ".") step.click();
  }

  /** Where the browser's tests look. */
  function publishToTests(): void {
    Object.assign(panel, { pipeline });
  }

  choose("One very slow processor");
  return {
    show(): void {
      addEventListener("keydown", keys);
      last = performance.now();
      frame = requestAnimationFrame(loop);
    },
    hide(): void {
      removeEventListener("keydown", keys);
      cancelAnimationFrame(frame);
    },
  };
}
