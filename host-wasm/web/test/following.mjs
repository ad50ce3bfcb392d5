// What the tests of the live view ask of it.
import { until } from "./support.mjs";

export const view = (page, read) => page.evaluate(`(({ measured, gaps, history, histogramChart, rateChart, valueChart }) => ${read})(document.getElementById("live-view"))`);
export const state = (page, wanted) => page.waitForSelector(`#live-status[data-state="${wanted}"]`);
export const messages = (page, n) => until(() => view(page, `measured.messages >= ${n}`), `${n} messages`);
export const shown = (page, id) => page.textContent(`#live-view [data-value="${id}"]`);
export const tells = (page, id, value) => until(async () => (await shown(page, id)) === value, `${id} ${value}`);
export const records = (n, from = 0) => Array.from({ length: n }, (_, i) => JSON.stringify({ x: from + i, r: "http://a.example/", u: `http://b${i % 3}.example/` }));
