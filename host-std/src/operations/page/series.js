// What counters did of late.

import { svg } from "./dom.js";

/** Seconds that are remembered. */
const LENGTH = 60;

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

  count(total, seconds) {
    const since = this.#before === undefined || total < this.#before ? null : (total - this.#before) / seconds;
    this.#before = total;
    this.push(since);
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
      let path = "";
      let from = -1;
      series.values.forEach((value, i) => {
        if (value == null) return;
        path += `${from < 0 ? "M" : "L"}${i} ${(19 - (17 * value) / most).toFixed(1)}`;
        if (from < 0) from = i;
      });
      if (path === drawn) return;
      drawn = path;
      line.setAttribute("d", path);
      area.setAttribute("d", path && `${path}L${LENGTH - 1} 20L${from} 20Z`);
    },
  };
}
