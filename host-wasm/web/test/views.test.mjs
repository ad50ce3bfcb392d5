// What every view must do, and that its numbers are those of the core. `host-wasm/build` and `cargo build` come first.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { click } from "./measure.mjs";
import { browser, nativeNumbers, open, pause, screenshots, server, stage, until, www } from "./support.mjs";

const VIEWS = ["pipeline", "statistics", "graph", "live", "gauges"];
const SCREENS = [["light", 1920, 1080], ["dark", 1920, 1080], ["light", 390, 844], ["dark", 390, 844]];
stage();

/** Brings a view to where there is something to see. */
const scenes = {
  async pipeline(page) {
    await page.evaluate(() => { for (let i = 0; i < 160; i++) document.getElementById("step").click(); });
    await page.click("#pause");
    await pause(1500);
  },
  statistics: () => pause(2500),
  graph: () => pause(2500),
  async live(page) {
    await page.waitForSelector('#live-status[data-state="open"]');
    await page.fill("#number-field", "x");
    await page.press("#number-field", "Enter");
    await page.waitForSelector('#live-status[data-state="open"]');
    for (let i = 0; i < 3; i++) {
      await page.click("#publish");
      await server.publish(Array.from({ length: 250 }, (_, j) => click(250 * i + j)));
      await pause(900);
    }
  },
  async gauges(page) {
    const definition = { topic: "seen", field: "x", by: "r", measure: ["moments", "quantiles", "distinct", "top", "rate"], every: "1s", last: "1m", when: { "p99 >": 4.5 } };
    await fetch(`${server.address}/gauges/seen`, { method: "PUT", body: JSON.stringify(definition) });
    for (let i = 0; i < 5; i++) {
      await fetch(`${server.address}/pub?topic=seen`, { method: "POST", body: Array.from({ length: 250 }, (_, j) => click(250 * i + j)).join("\n") });
      await pause(1000);
    }
    await page.click('[data-gauge="seen"]');
    await page.waitForSelector('#gauge-status[data-state="open"]');
    await pause(1500);
  },
};

test("each view loads without an error, fits its screen, in both themes, and asks nobody but its own server", { timeout: 240_000 }, async () => {
  for (const [colorScheme, width, height] of SCREENS) {
    for (const view of VIEWS) {
      const { page, errors, requests } = await open(browser, `${server.address}/#${view}`, { colorScheme, viewport: { width, height } });
      await page.waitForSelector(`#${view}-view h2`);
      await scenes[view](page);
      assert.deepEqual(errors, [], view);
      assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), colorScheme);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `${view} is ${wide} wide on a screen of ${width}`);
      await page.evaluate(() => scrollTo(0, 0));
      await page.screenshot({ path: join(screenshots, `${view}-${colorScheme}-${width}.png`), fullPage: true });
      const strangers = requests.filter((url) => !/^(blob|data):/.test(url) && new URL(url).origin !== server.address);
      assert.deepEqual(strangers, [], view);
      assert.ok(requests.length >= 5);
      await page.close();
    }
  }
});

test("the built files name no other site", () => {
  for (const name of readdirSync(www).filter((name) => /\.(js|css|html|svg)$/.test(name))) {
    const sites = readFileSync(join(www, name), "utf8").match(/https?:\/\/[\w.-]+\w/g) ?? [];
    // Names of XML's vocabularies, addresses of this machine, and the example of what a record may hold.
    assert.deepEqual(sites.filter((site) => !/^http:\/\/(www\.w3\.org|127\.0\.0\.1)$/.test(site)), [], name);
  }
});

test("the numbers in the browser are those of the core, to the bit", { timeout: 240_000 }, async () => {
  const { gauges: _, ...native } = nativeNumbers();
  const { page, errors } = await open(browser, `${server.address}/#statistics`);
  const found = await page.evaluate(() => {
    const { Sampler, Pipeline, Stability, Clicks, Kind } = globalThis.streamgauge;
    const bits = (x) => {
      if (x === undefined) return null;
      const view = new DataView(new ArrayBuffer(8));
      view.setFloat64(0, x);
      return view.getBigUint64(0).toString(16).padStart(16, "0");
    };
    const results = (m) => [m.count, m.mean, m.sampleVariance, m.skewness, m.excessKurtosis, m.min, m.max].map(bits);
    const kinds = [[Kind.Normal, 3, 0.5], [Kind.Uniform, 0, 1], [Kind.Exponential, 2, 0], [Kind.LogNormal, 0, 0.5], [Kind.Pareto, 1, 5]];
    const sampled = kinds.map(([kind, a, b]) => {
      const sampler = new Sampler(kind, a, b, 42, 60);
      sampler.draw(20_000);
      return results(sampler.moments());
    });
    const p = new Pipeline(42, 2048, 500);
    p.addSource(800, Kind.Normal, 3, 0.5);
    p.addSource(300, Kind.Exponential, 2, 0);
    [400, 250, 120].forEach((rate) => p.addReader(rate));
    p.setSubscriberRate(200);
    p.setMaxLag(1500);
    p.step(20);
    const stability = new Stability(1e9, 42);
    stability.draw(10_000);
    const clicks = new Clicks(42, 2000, true);
    clicks.draw(50_000);
    return {
      sampled,
      pipeline: [p.published, p.accepted, p.delivered, p.overflow, p.depth, p.highWater, p.received, p.lagged, p.pending, p.kicks],
      merged: results(p.moments()),
      wait: results(p.wait()),
      stability: [stability.exact, stability.naive, stability.welford, stability.moments].map(bits),
      clicks: clicks.top(5).map((edge) => [edge.from, edge.to, edge.weight]),
    };
  });
  assert.deepEqual(found, native);
  assert.ok(native.pipeline[3] > 0 && native.pipeline[9] > 0, "the pipeline overflows and kicks");
  assert.deepEqual(errors, []);
  await page.close();
});

test("what the page shows is what its pipeline counted, and the queue overflows when its slider says it must", { timeout: 90_000 }, async () => {
  const { page, errors } = await open(browser, `${server.address}/#pipeline`);
  await page.click('[data-preset="In balance"]');
  await pause(1500);
  const shown = (id) => page.textContent(`#pipeline-view [data-value="${id}"]`);
  assert.equal(await shown("overflow"), "0");
  // Down to a limit of one item, by keyboard.
  await page.focus("#max-depth");
  await page.keyboard.press("Home");
  await page.waitForFunction(() => document.querySelector('#pipeline-view [data-value="overflow"]').textContent !== "0");
  await page.click("#pause");
  await page.click("#step");
  const counted = await page.evaluate(() => {
    const { pipeline: p } = document.getElementById("pipeline-view");
    return [p.published, p.delivered, p.depth, p.overflow];
  });
  assert.equal(counted[0], counted[1] + counted[2] + counted[3]);
  const text = await Promise.all(["published", "delivered", "depth", "overflow"].map(shown));
  assert.deepEqual(text, counted.map((n) => n.toLocaleString("en")));
  assert.deepEqual(errors, []);
  await page.close();
});

test("a very slow processor is seen: the queue stores messages, is full, and overflows", { timeout: 60_000 }, async () => {
  const { page, errors } = await open(browser, `${server.address}/#pipeline`);
  await page.click("#pause");
  await page.click("#again");
  await page.click("#pause");
  const steps = (n) => page.evaluate((n) => { for (let i = 0; i < n; i++) document.getElementById("step").click(); }, n);
  const now = () => page.evaluate(() => [document.getElementById("pipeline-view").pipeline.depth, document.getElementById("says").textContent, document.getElementById("told").textContent, document.querySelector("canvas.flow").getAttribute("aria-label")]);
  await steps(30);
  const [depth, says, told, label] = await now();
  assert.match(says, /^20 a second come in, 13 can go out: the queue is storing messages, and is full in \d/);
  assert.equal(told, "the queue is storing messages");
  assert.match(label, new RegExp(`${depth} of 100 waiting, 0 overflowed`));
  await steps(150);
  const [full, then, alarm] = await now();
  assert.ok(depth > 5 && full > 98, `${depth}, then ${full}`);
  assert.match(then, /the queue is full, and the oldest messages overflow, 7 a second\.$/);
  assert.equal(alarm, "the queue is full, and the oldest messages overflow");
  assert.ok(await page.isVisible('.tiles .alarm [data-value="overflow"]'));
  // The cure: a reader that is fast enough.
  await page.focus("#reader-0");
  for (let i = 0; i < 12; i++) await page.keyboard.press("PageUp");
  await steps(60);
  assert.match((await now())[1], /: (hardly anything waits|the queue is running empty in .*)\.$/);
  assert.deepEqual(errors, []);
  await page.close();
});

test("the naive formula is seen to fail beside Welford's", { timeout: 60_000 }, async () => {
  const { page, errors } = await open(browser, `${server.address}/#statistics`);
  const shown = (row) => page.$eval(`[data-value="stability-${row}"]`, (cell) => [Number(cell.textContent.replace("−", "-")), Number(cell.nextSibling.textContent)]);
  await until(async () => (await page.evaluate(() => document.getElementById("statistics-view").stability.count)) > 300, "300 numbers");
  await page.click("#statistics-pause");
  const counted = await page.evaluate(() => { const { stability: s } = document.getElementById("statistics-view"); return { naive: s.naive, welford: s.welford, moments: s.moments, exact: s.exact }; });
  for (const row of ["naive", "welford", "moments", "exact"]) assert.ok(Math.abs((await shown(row))[0] - counted[row]) <= 1e-9 * Math.max(1, Math.abs(counted[row])), row);
  const digits = Object.fromEntries(await Promise.all(["naive", "welford", "moments"].map(async (row) => [row, (await shown(row))[1]])));
  assert.ok(digits.naive < 2 && digits.welford > 6 && digits.moments > 14, JSON.stringify(digits));
  // Without an offset no formula fails.
  await page.click("#statistics-pause");
  await page.focus("#offset");
  await page.keyboard.press("Home");
  await until(async () => { const [value, right] = await shown("naive"); return right > 12 && Math.abs(value - 1) < 0.5; }, "a right naive variance");
  assert.deepEqual(errors, []);
  await page.close();
});
