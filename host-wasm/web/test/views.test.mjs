// The page in a real browser. `host-wasm/build` and `cargo build --bin streamgauge` come first.
import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, nativeNumbers, open, screenshots, serve } from "./support.mjs";

const VIEWS = ["pipeline", "statistics", "graph", "live"];
let browser, server;
before(async () => {
  server = await serve();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

test("each view loads without an error and fits its screen, in both themes", { timeout: 240_000 }, async () => {
  for (const [colorScheme, width, height] of [["light", 1920, 1080], ["dark", 1920, 1080], ["light", 390, 844], ["dark", 390, 844]]) {
    for (const view of VIEWS) {
      const { page, errors } = await open(browser, `${server.address}/#${view}`, { colorScheme, viewport: { width, height } });
      await page.waitForSelector(`#${view}-view h2`);
      await pause(2500);
      assert.deepEqual(errors, [], view);
      assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), colorScheme);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `${view} is ${wide} wide on a screen of ${width}`);
      await page.screenshot({ path: join(screenshots, `${view}-${colorScheme}-${width}.png`), fullPage: true });
      await page.close();
    }
  }
});

test("the numbers in the browser are those of the core, to the bit", { timeout: 240_000 }, async () => {
  const native = nativeNumbers();
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

test("everything can be reached by keyboard", { timeout: 60_000 }, async () => {
  const { page, errors } = await open(browser, `${server.address}/`);
  await page.focus("#tab-pipeline");
  for (const view of ["statistics", "graph", "live", "pipeline"]) {
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.evaluate(() => location.hash), `#${view}`);
    await page.waitForSelector(`#${view}-view`, { state: "visible" });
    assert.equal(await page.getAttribute(`#tab-${view}`, "aria-selected"), "true");
  }
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("p");
  assert.equal(await page.textContent("#pause"), "Go on");
  // Every control has a name.
  const nameless = await page.$$eval("button, input, select, a", (all) => all.filter((one) => !(one.textContent.trim() || one.getAttribute("aria-label") || one.labels?.length)).map((one) => one.outerHTML));
  assert.deepEqual(nameless, []);
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  const before = await theme();
  await page.focus("#theme");
  await page.keyboard.press("Enter");
  assert.notEqual(await theme(), before);
  assert.deepEqual(errors, []);
  await page.close();
});

test("frames at a thousand, ten thousand and a hundred thousand messages a second", { timeout: 90_000 }, async () => {
  const { page } = await open(browser, `${server.address}/#pipeline`);
  for (const preset of ["1,000 a second", "10,000 a second", "100,000 a second"]) {
    await page.click(`[data-preset="${preset}"]`);
    await pause(1000);
    const frames = await page.evaluate(() => new Promise((done) => {
      const gaps = [];
      let last = performance.now();
      const begun = last;
      const each = (now) => {
        gaps.push(now - last);
        last = now;
        if (now - begun < 4000) requestAnimationFrame(each);
        else done(gaps.slice(1).sort((a, b) => a - b));
      };
      requestAnimationFrame(each);
    }));
    const work = await page.evaluate(() => {
      const { pipeline } = document.getElementById("pipeline-view");
      const begun = performance.now();
      for (let i = 0; i < 60; i++) pipeline.step(1 / 60);
      return (performance.now() - begun) / 60;
    });
    const at = (share) => frames[Math.floor((frames.length - 1) * share)].toFixed(1);
    console.log(`${preset}: ${frames.length} frames in 4 s, median ${at(0.5)} ms, 95 % ${at(0.95)} ms, longest ${at(1)} ms; the core's share ${work.toFixed(2)} ms a frame`);
    assert.ok(work < 16, `${preset}: ${work} ms of a frame`);
  }
  await page.close();
});

test("a file of 100 MB is read without freezing the page", { timeout: 240_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "streamgauge-"));
  const path = join(folder, "clicks.jsonl");
  const file = openSync(path, "w");
  let [records, written] = [0, 0];
  const agent = "x".repeat(300);
  while (written < 100e6) {
    const lines = [];
    for (let i = 0; i < 2000; i++, records++) lines.push(JSON.stringify({ a: agent, nk: 1, r: `http:\/\/www.site${records % 97}.example/p`, u: `http://target${records % 89}.gov/${records}`, ll: [1.5, -2.5] }));
    written += writeSync(file, `${lines.join("\n")}\n`);
  }
  closeSync(file);
  try {
    const { page, errors } = await open(browser, `${server.address}/#graph`);
    await page.evaluate(() => {
      globalThis.longest = 0;
      let last = performance.now();
      const each = (now) => {
        globalThis.longest = Math.max(globalThis.longest, now - last);
        last = now;
        requestAnimationFrame(each);
      };
      requestAnimationFrame(each);
    });
    await page.setInputFiles("#file", path);
    await page.waitForSelector("#file-status[data-done]", { timeout: 200_000 });
    const [said, longest, counted] = await page.evaluate(() => [document.getElementById("file-status").textContent, globalThis.longest, document.getElementById("graph-view").source.records]);
    console.log(`${(written / 1e6).toFixed(0)} MB: ${said}; longest gap between frames ${longest.toFixed(0)} ms`);
    assert.equal(counted, records);
    assert.ok(longest < 1500, `the page stood still for ${longest} ms`);
    assert.deepEqual(errors, []);
    await page.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("live mode measures a real stream and follows the server through a restart", { timeout: 120_000 }, async () => {
  let own = await serve();
  try {
    const { page } = await open(browser, `${own.address}/#live`);
    await page.fill("#number-field", "x");
    await page.click("#connect");
    const state = (wanted) => page.waitForSelector(`#live-status[data-state="${wanted}"]`);
    const messages = (n) => page.waitForFunction((n) => document.getElementById("live-view").gauge.messages >= n, n);
    await state("open");
    await own.publish(Array.from({ length: 200 }, (_, i) => JSON.stringify({ x: i, r: "http://a.example/", u: `http://b${i % 3}.example/` })));
    await messages(200);
    const mean = await page.evaluate(() => document.getElementById("live-view").gauge.moments().mean);
    assert.equal(mean, 99.5);
    await own.stop();
    await state("waiting");
    own = await serve(own.port);
    await state("open");
    await own.publish(['{"x":1}', '{"x":2}']);
    await messages(202);
    const [count, sum] = await page.evaluate(() => {
      const moments = document.getElementById("live-view").gauge.moments();
      return [moments.count, moments.mean * moments.count];
    });
    assert.deepEqual([count, Math.round(sum)], [202, 19903]);
    await page.waitForFunction(() => document.querySelector('#live-view [data-value="reconnects"]').textContent !== "0");
    await pause(800);
    await page.screenshot({ path: join(screenshots, "live-following.png"), fullPage: true });
    await page.close();
  } finally {
    await own.stop();
  }
});
