// Statistics of a stream as it flows, and what becomes of the wrong formula.

import { Sampler, Stability } from "streamgauge";
import { Chart } from "../chart";
import { button, count, el, group, intro, number, select, slider, Tiles } from "../dom";
import { Stretch } from "../stretch";
import type { View } from "../view";
import { HistogramChart } from "./histogram";
import { type Shape, SHAPES } from "./shapes";

const BINS = 60;
const SEED = 42;
const STABILITY_MOST = 2e6;

export function statisticsView(panel: HTMLElement): View {
  let [shape, a, b] = [SHAPES["normal"] as Shape, 3, 0.5];
  let [rate, running, frame, last, owed] = [2000, true, 0, 0, 0];
  let sampler = new Sampler(shape.kind, a, b, SEED, BINS);
  let running_: [number[], number[], number[]] = [[], [], []];
  let [nextPoint, shown] = [2, 0];

  const tiles = new Tiles({ count: "numbers", mean: "mean", variance: "variance", skewness: "skewness", kurtosis: "excess kurtosis" });
  const [seen, racing] = [new Stretch(), new Stretch()];
  const line = (name: string, title: string): Chart => new Chart({
    stretch: seen, title, note: "against the true one", x: "numbers seen", y: name, kind: "log",
    lines: [{ name: `running ${name}`, colour: "water" }, { name: `true ${name}`, colour: "accent", dash: [6, 4], width: 1.5 }],
  });
  const [meanChart, varianceChart] = [line("mean", "Running mean"), line("variance", "Running variance")];
  const histogramChart = new HistogramChart("with the density fitted to the moments");

  const parameters = el("div", { class: "stack" });
  const choose = select("distribution", "distribution", Object.keys(SHAPES).map((name) => [name, name]), (name) => setShape(name));
  const speed = slider({ label: "numbers a second", id: "draw-rate", min: 1, max: 1_000_000, value: rate, log: true, change: (value) => (rate = value) });
  const pause = button("Pause", () => setRunning(!running), { class: "main", id: "statistics-pause" });

  function setRunning(to: boolean): void {
    running = to;
    pause.textContent = running ? "Pause" : "Go on";
    if (running) return;
    // What stands still is the last number, not one of a moment ago.
    drawAll();
    drawRace();
  }

  function setShape(name: string): void {
    shape = SHAPES[name] as Shape;
    a = shape.a[3];
    b = shape.b?.[3] ?? 0;
    const make = (id: string, [label, min, max, value]: [string, number, number, number], change: (value: number) => void): HTMLElement =>
      slider({ label, id, min, max, value, step: (max - min) / 100, format: (v) => number(v, 3), change }).element;
    parameters.replaceChildren(make("parameter-a", shape.a, (value) => { a = value; again(); }));
    if (shape.b) parameters.append(make("parameter-b", shape.b, (value) => { b = value; again(); }));
    again();
  }

  function again(): void {
    sampler.free();
    sampler = new Sampler(shape.kind, a, b, SEED, BINS);
    running_ = [[], [], []];
    [nextPoint, owed, shown] = [2, 0, 0];
    Object.assign(panel, { sampler });
    drawAll();
  }

  /** Draws `n` numbers, and stops for each point of the running charts. */
  function draw(n: number): void {
    while (n > 0) {
      const part = Math.min(n, nextPoint - shown);
      sampler.draw(part);
      n -= part;
      shown += part;
      if (shown >= nextPoint) {
        const moments = sampler.moments();
        running_[0].push(shown);
        running_[1].push(moments.mean ?? 0);
        running_[2].push(moments.sampleVariance ?? 0);
        moments.free();
        nextPoint = Math.ceil(nextPoint * 1.03 + 1);
      }
    }
  }

  function drawAll(): void {
    const moments = sampler.moments();
    const histogram = sampler.histogram();
    const truth = (value: number): string => `true ${number(value, 3)}`;
    tiles.set("count", count(moments.count), "seen once each");
    tiles.set("mean", number(moments.mean, 4), truth(sampler.trueMean));
    tiles.set("variance", number(moments.sampleVariance, 4), truth(sampler.trueVariance));
    tiles.set("skewness", number(moments.skewness, 3), truth(sampler.trueSkewness));
    tiles.set("kurtosis", number(moments.excessKurtosis, 3), truth(sampler.trueExcessKurtosis));
    const [n, means, variances] = running_;
    const flat = (value: number): (number | null)[] => n.map(() => (Number.isFinite(value) ? value : null));
    meanChart.set([n, means, flat(sampler.trueMean)]);
    varianceChart.set([n, variances, flat(sampler.trueVariance)]);
    histogramChart.show(histogram, moments, shape.kind);
    moments.free();
    histogram.free();
  }

  // The race of the formulas.
  let stability = new Stability(1e8, SEED);
  let race: (number | null)[][] = [[], [], [], []];
  let variances: (number | null)[][] = [[], [], [], []];
  let [raced, nextRace] = [0, 2];
  const digits = (name: string, colour: "accent" | "second" | "water"): { name: string; colour: typeof colour; width: number } => ({ name, colour, width: 2.5 });
  const raceChart = new Chart({
    stretch: racing, title: "Correct digits of the variance", note: "the same numbers, three formulas", x: "numbers seen", y: "digits", kind: "log", range: [0, 17],
    lines: [digits("naive", "accent"), digits("Welford", "second"), digits("streamgauge", "water")],
  });
  const varianceRace = new Chart({
    stretch: racing, title: "The variance they give", note: "the true one is about 1", x: "numbers seen", y: "variance", kind: "log", range: [-2, 4],
    lines: [{ name: "naive", colour: "accent", width: 1.5 }, digits("Welford", "second"), { name: "exact", colour: "soft", dash: [6, 4], width: 1.5 }],
  });
  const body = el("tbody");
  const rows = ["exact", "naive", "welford", "moments"] as const;
  const names = { exact: "exact, from integers", naive: "naive sums of squares", welford: "Welford's recurrence", moments: "streamgauge's Moments" };
  const cells = rows.map((row) => {
    const [value, correct] = [el("td", { class: "n", "data-value": `stability-${row}` }), el("td", { class: "n" })];
    body.append(el("tr", {}, el("td", {}, names[row]), value, correct));
    return { row, value, correct };
  });
  const offset = slider({ label: "offset of the numbers", id: "offset", min: 0, max: 12, step: 1, value: 8, format: (power) => (power === 0 ? "0" : `10^${power}`), change: (power) => raceAgain(power) });

  function raceAgain(power: number): void {
    stability.free();
    stability = new Stability(power === 0 ? 0 : 10 ** power, SEED);
    race = [[], [], [], []];
    variances = [[], [], [], []];
    [raced, nextRace] = [0, 2];
    Object.assign(panel, { stability });
  }

  function runRace(n: number): void {
    if (raced >= STABILITY_MOST) return;
    while (n > 0) {
      const part = Math.min(n, nextRace - raced);
      stability.draw(part);
      n -= part;
      raced += part;
      if (raced >= nextRace) {
        [raced, stability.digits(stability.naive), stability.digits(stability.welford), stability.digits(stability.moments)].forEach((value, i) => race[i]?.push(value ?? null));
        [raced, stability.naive, stability.welford, stability.exact].forEach((value, i) => variances[i]?.push(value ?? null));
        nextRace = Math.ceil(nextRace * 1.05 + 1);
      }
    }
  }

  function drawRace(): void {
    raceChart.set(race as [number[], ...number[][]]);
    varianceRace.set(variances as [number[], ...number[][]]);
    for (const { row, value, correct } of cells) {
      const variance = stability[row];
      value.textContent = variance === undefined ? "–" : number(variance, 12);
      const right = stability.digits(variance);
      correct.textContent = right === undefined ? "–" : right.toFixed(1);
    }
  }

  panel.append(
    intro("Statistics", "Mean, variance and shape of a stream that is seen once and never stored, beside the true ones.", pause, button("Start again", again)),
    tiles.element,
    el("div", { class: "columns full" },
      el("div", { class: "stack" }, histogramChart.element, el("div", { class: "pair" }, meanChart.element, varianceChart.element)),
      el("div", { class: "card" }, group("Stream", choose.element, parameters, speed.element))),
    el("div", { class: "intro" }, el("div", {}, el("h2", {}, "What a formula can lose"),
      el("p", {}, "Numbers with a standard deviation of 1, far from 0. Subtracting two large sums that are nearly the same leaves nothing but rounding errors. The exact variance is known: the numbers are made of integers."))),
    el("div", { class: "columns full" },
      el("div", { class: "stack" }, varianceRace.element, raceChart.element),
      el("div", { class: "card" }, group("Offset", offset.element, button("Race again", () => raceAgain(offset.value))),
        el("table", {}, el("thead", {}, el("tr", {}, el("th", {}, "formula"), el("th", { class: "n" }, "variance"), el("th", { class: "n" }, "digits"))), body))),
  );

  let drawn = 0;
  function loop(now: number): void {
    frame = requestAnimationFrame(loop);
    // The first frame may have begun before the view was shown.
    const passed = Math.min(Math.max(now - last, 0) / 1000, 0.1);
    last = now;
    if (!running) return;
    owed += passed * rate;
    const whole = Math.floor(owed);
    owed -= whole;
    draw(whole);
    // Slow at the start, where most happens.
    runRace(Math.ceil(Math.max(20, raced * 1.2) * passed));
    drawn += passed;
    if (drawn > 0.1) {
      drawn = 0;
      drawAll();
      drawRace();
    }
  }

  setShape("normal");
  Object.assign(panel, { sampler, stability });
  return {
    show(): void {
      last = performance.now();
      frame = requestAnimationFrame(loop);
    },
    hide: () => cancelAnimationFrame(frame),
  };
}
