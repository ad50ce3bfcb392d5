// The click graph: made up, or from a file of records.

import { Clicks, Records } from "streamgauge";
import { button, bytes, count, el, field, group, intro, slider, Tiles } from "../dom";
import type { View } from "../view";
import { Edges, heaviest } from "./edges";
import { save } from "./net";

const SLOTS = 20_000;
const SEED = 42;
/** Milliseconds of reading between two looks at the screen. */
const SLICE = 8;
const PIECE = 256 * 1024;

export function graphView(panel: HTMLElement): View {
  let source: Clicks | Records = new Clicks(SEED, SLOTS, true);
  let [rate, most, running, frame, last, owed, drawn] = [500, 60, true, 0, 0, 0, 0];
  let job = 0;

  // What was shown last, once more.
  let again = generate;

  const edges = new Edges("graph");
  const tiles = new Tiles({ total: "records", edges: "edges held", evicted: "evicted", invalid: "not counted" });
  const [from, to] = [field("from: field of a record", "from-field", "r"), field("to: field of a record", "to-field", "u")];
  const directed = el("input", { type: "checkbox", id: "directed", checked: "" });
  directed.addEventListener("change", () => again());
  const progress = el("progress", { max: "1", value: "0", hidden: "", "aria-label": "Reading the file" });
  const said = el("p", { class: "note", id: "file-status", "aria-live": "polite" });
  const input = el("input", { type: "file", id: "file", accept: ".json,.jsonl,.ndjson,.txt,.log", class: "unseen", "aria-label": "A file of JSON records" });
  input.addEventListener("change", () => { const file = input.files?.[0]; if (file) void read(file); });
  const open = el("label", { class: "button", for: "file" }, "Choose a file");
  const drop = el("div", { class: "drop" }, el("span", {}, "Drop a file of JSON records here, one a line"), open, input, progress, said);
  const pause = button("Pause", () => { running = !running; pause.textContent = running ? "Pause" : "Go on"; }, { class: "main", id: "graph-pause" });

  panel.append(
    intro("Graph", "Who leads to whom, and how often: the heaviest edges of a stream, in bounded memory.", pause, button("Generate clicks", generate, { id: "generate" }),
      button("Save JSON", () => save("graph.json", "application/json", JSON.stringify(heaviest(source, SLOTS), undefined, 1)), { id: "save-json" }), button("Save SVG", () => save("graph.svg", "image/svg+xml", edges.net.toSvg()), { id: "save-svg" })),
    el("div", { class: "columns full" },
      el("div", { class: "stack" }, edges.picture, tiles.element),
      el("div", { class: "stack" },
        el("div", { class: "card" },
          group("Shown", slider({ label: "heaviest edges", id: "most", min: 10, max: 250, step: 10, value: most, change: (value) => { most = value; update(); } }).element,
            slider({ label: "clicks made up", id: "click-rate", min: 0, max: 100_000, value: rate, log: true, format: (value) => `${count(value)}/s`, change: (value) => (rate = value) }).element,
            el("label", { class: "check" }, directed, "directed")),
          group("Your records", from.element, to.element, drop)),
        edges.table)),
  );

  panel.addEventListener("dragover", (event) => { event.preventDefault(); panel.classList.add("dropping"); });
  panel.addEventListener("dragleave", () => panel.classList.remove("dropping"));
  panel.addEventListener("drop", (event) => {
    event.preventDefault();
    panel.classList.remove("dropping");
    const file = event.dataTransfer?.files[0];
    if (file) void read(file);
  });

  function update(): void {
    edges.net.directed = directed.checked;
    edges.set(heaviest(source, 2 * most), most);
    tiles.set("edges", count(source.edges), `room for ${count(SLOTS)}`);
    tiles.set("evicted", count(source.evicted), source.evicted ? "weights have errors" : "all weights exact");
    if (source instanceof Clicks) {
      tiles.set("total", count(source.total), "clicks, made up");
      tiles.set("invalid", "0");
    } else {
      tiles.set("total", count(source.records), bytes(source.bytes));
      tiles.set("invalid", count(source.incomplete + source.invalid), `${count(source.invalid)} are no records`);
    }
  }

  function replace(next: Clicks | Records): void {
    source.free();
    source = next;
    job += 1;
    Object.assign(panel, { source });
  }

  function generate(): void {
    again = generate;
    replace(new Clicks(SEED, SLOTS, directed.checked));
    progress.hidden = true;
    said.textContent = "";
    (source as Clicks).draw(300);
    update();
  }

  /** Reads a file of any size as it streams in: a few milliseconds of work, then a frame. */
  async function read(file: File): Promise<void> {
    again = () => void read(file);
    const records = new Records(from.input.value, to.input.value, SLOTS, directed.checked);
    replace(records);
    const mine = job;
    progress.hidden = false;
    progress.value = 0;
    const begun = performance.now();
    let slice = begun;
    let shown = begun;
    try {
      // Not every browser goes through a stream by `for await`.
      const reader = file.stream().getReader();
      for (let next = await reader.read(); !next.done; next = await reader.read()) {
        const chunk = next.value;
        for (let at = 0; at < chunk.length; at += PIECE) {
          if (mine !== job) return await reader.cancel();
          records.feed(chunk.subarray(at, at + PIECE));
          if (performance.now() - slice > SLICE) {
            progress.value = records.bytes / file.size;
            said.textContent = `${file.name}: ${bytes(records.bytes)} of ${bytes(file.size)}`;
            if (performance.now() - shown > 1000) {
              update();
              shown = performance.now();
            }
            await new Promise(requestAnimationFrame);
            slice = performance.now();
          }
        }
      }
      if (mine !== job) return;
      records.finish();
      const took = (performance.now() - begun) / 1000;
      said.textContent = `${file.name}: ${count(records.records)} of ${count(records.records + records.incomplete + records.invalid)} records in ${took.toFixed(1)} s`;
      said.dataset["done"] = file.name;
    } catch (error) {
      said.textContent = `${file.name} could not be read: ${String(error)}`;
    }
    progress.hidden = true;
    input.value = "";
    update();
  }

  function loop(now: number): void {
    frame = requestAnimationFrame(loop);
    // The first frame may have begun before the view was shown.
    const passed = Math.min(Math.max(now - last, 0) / 1000, 0.1);
    last = now;
    if (!running || !(source instanceof Clicks)) return;
    owed += passed * rate;
    const whole = Math.floor(owed);
    owed -= whole;
    if (whole) source.draw(whole);
    drawn += passed;
    if (drawn > 0.5) {
      drawn = 0;
      update();
    }
  }

  generate();
  return {
    show(): void {
      last = performance.now();
      frame = requestAnimationFrame(loop);
      edges.net.go();
    },
    hide(): void {
      cancelAnimationFrame(frame);
      edges.net.stop();
    },
  };
}
