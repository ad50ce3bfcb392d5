// What counters did of late.

import { el, say, svg } from "./dom.js";

/** Seconds that are remembered. */
const LENGTH = 60;

/** The shortest time of which a rate is told, in milliseconds: in less a handful would look like thousands a second. */
const LEAST = 800;

/** Seconds between two values, from which on nobody asked: a server that takes long is asked less often. */
const GAP = 10;

/** The last minute of a value, a place a second. */
export class Series {
  values = new Array(LENGTH).fill(null);
  #second = 0;

  push(value) {
    const second = Math.floor(Date.now() / 1000);
    const passed = Math.min(LENGTH, Math.max(0, second - this.#second));
    this.#second = second;
    // Nobody knows what was while nobody asked.
    this.values = [...this.values.slice(passed), ...new Array(passed).fill(null)];
    this.values[LENGTH - 1] = value;
  }

  get last() {
    return this.values[LENGTH - 1];
  }
}

/** How fast a counter goes; one that is lower than before began anew. */
export class Rate extends Series {
  #before;
  #at;

  /** Takes what it is at a time, in milliseconds. */
  count(total, now) {
    const isNew = this.#before === undefined || total < this.#before;
    if (!isNew && now - this.#at < LEAST) return;
    this.push(isNew ? null : ((total - this.#before) * 1000) / (now - this.#at));
    [this.#before, this.#at] = [total, now];
  }
}

/** A small picture of a series, which says nothing that stands beside it in words does not. */
export function spark(series, kind = "water") {
  const area = svg("path", { class: "area" });
  const line = svg("path", { class: "line" });
  const picture = svg("svg", { class: `spark ${kind}`, viewBox: `0 0 ${LENGTH - 1} 20`, preserveAspectRatio: "none", "aria-hidden": "true" });
  picture.append(area, line);
  let drawn;
  return {
    element: picture,
    update() {
      const most = Math.max(1e-9, ...series.values.map((value) => value ?? 0));
      const stretches = [];
      let before = -Infinity;
      series.values.forEach((value, i) => {
        if (value == null) return;
        if (i - before > GAP) stretches.push([]);
        stretches.at(-1).push([i, (19 - (17 * value) / most).toFixed(1)].join(" "));
        before = i;
      });
      const lines = stretches.map((places) => `M${places.join("L")}`);
      const path = lines.join("");
      if (path === drawn) return;
      drawn = path;
      line.setAttribute("d", path);
      area.setAttribute("d", lines.map((one, i) => `${one}V20H${parseInt(stretches[i][0])}Z`).join(""));
    },
  };
}

/** Numbers of something, each with what it was of late. */
export function tiles(texts) {
  const element = el("dl", { class: "tiles" });
  const all = texts.map((text) => {
    const value = el("dd");
    const tile = el("div", {}, el("dt", {}, text), value);
    element.append(tile);
    return { value, tile };
  });
  let [of, sparks] = [undefined, []];
  return {
    element,
    all,
    /** What came back under the same name has another past. */
    update(one, values, lines) {
      if (of !== one) {
        sparks.forEach((line) => line?.element.remove());
        [of, sparks] = [one, lines()];
        sparks.forEach((line, i) => line && all[i].tile.append(line.element));
      }
      values.forEach((value, i) => say(all[i].value, value));
      sparks.forEach((line) => line?.update());
    },
  };
}
