// For whoever has no mouse, doesn't see the page, or doesn't want it to move.
import assert from "node:assert/strict";
import { test } from "node:test";
import { tabThrough } from "./keyboard.mjs";
import { browser, open, pause, server, stage, until } from "./support.mjs";

const VIEWS = ["pipeline", "statistics", "graph", "live", "gauges"];
stage();

test("the tabs follow the arrow keys, and keys pause and change the theme", { timeout: 60_000 }, async () => {
  const { page, errors } = await open(browser, `${server.address}/#pipeline`);
  await page.focus("#tab-pipeline");
  for (const view of ["statistics", "graph", "live", "gauges", "pipeline"]) {
    await page.keyboard.press("ArrowRight");
    assert.equal(await page.evaluate(() => location.hash), `#${view}`);
    await page.waitForSelector(`#${view}-view`, { state: "visible" });
    assert.equal(await page.getAttribute(`#tab-${view}`, "aria-selected"), "true");
  }
  await page.evaluate(() => document.activeElement.blur());
  await page.keyboard.press("p");
  assert.equal(await page.textContent("#pause"), "Go on");
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  const before = await theme();
  await page.focus("#theme");
  await page.keyboard.press("Enter");
  assert.notEqual(await theme(), before);
  assert.deepEqual(errors, []);
  await page.close();
});

test("every control is reached with the Tab key, has a name, and shows that it has the focus", { timeout: 120_000 }, async () => {
  for (const view of VIEWS) {
    const { page } = await open(browser, `${server.address}/#${view}`);
    await tabThrough(page, view);
    await page.close();
  }
});

test("whoever skips to the view keeps it, also through a reload", { timeout: 60_000 }, async () => {
  const { page, errors } = await open(browser, `${server.address}/#gauges`);
  await page.fill("#gauge-name", "typed");
  for (const reload of [false, true]) {
    if (reload) await page.reload();
    await page.focus(".skip");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement.id), "main");
    await page.waitForSelector("#gauges-view", { state: "visible" });
    if (!reload) assert.equal(await page.inputValue("#gauge-name"), "typed");
  }
  // What is no view shows the first one.
  for (const hash of ["#main", "#constructor"]) {
    const { page: other, errors } = await open(browser, `${server.address}/${hash}`);
    await other.waitForSelector("#live-view", { state: "visible" });
    assert.deepEqual(errors, []);
    await other.close();
  }
  assert.deepEqual(errors, []);
  await page.close();
});

test("what is read aloud is the change of a situation, not each number", { timeout: 60_000 }, async () => {
  const { page } = await open(browser, `${server.address}/#pipeline`);
  await until(() => page.textContent("#told"), "the situation at the start");
  await page.evaluate(() => {
    globalThis.changes = { told: [], says: 0 };
    new MutationObserver(() => globalThis.changes.told.push(document.getElementById("told").textContent)).observe(document.getElementById("told"), { childList: true });
    new MutationObserver(() => globalThis.changes.says++).observe(document.getElementById("says"), { childList: true });
  });
  await page.click('[data-preset="In balance"]');
  await pause(1500);
  await page.click('[data-preset="One very slow processor"]');
  await pause(1500);
  const { told, says } = await page.evaluate(() => globalThis.changes);
  assert.deepEqual(told, ["hardly anything waits", "the queue is storing messages"]);
  assert.ok(says > told.length);
  const live = await page.$$eval("#pipeline-view [aria-live], #pipeline-view [role=status]", (all) => all.map((one) => one.id));
  assert.deepEqual(live, ["told"]);
  await page.click("#tab-live");
  assert.equal(await page.getAttribute("#live-status", "role"), "status");
  assert.equal(await page.getAttribute("#live-view .log", "aria-live"), "polite");
  await page.close();
});

test("whoever asks for less motion gets it", { timeout: 90_000 }, async () => {
  const moved = {};
  for (const reducedMotion of ["no-preference", "reduce"]) {
    const { page } = await open(browser, `${server.address}/#pipeline`, { reducedMotion });
    const counted = await page.evaluate(() => new Promise((done) => {
      const clear = CanvasRenderingContext2D.prototype.clearRect;
      const canvas = document.querySelector("canvas.flow");
      let drawn = 0;
      CanvasRenderingContext2D.prototype.clearRect = function (...box) {
        drawn += this.canvas === canvas;
        return clear.apply(this, box);
      };
      setTimeout(() => done(drawn), 2000);
    }));
    assert.ok(await page.evaluate(() => document.getElementById("pipeline-view").pipeline.published > 10), "the pipeline goes on");
    await page.click("#tab-graph");
    const glides = await page.evaluate(() => new Promise((done) => {
      let [changes, before] = [0, ""];
      const each = () => {
        const now = [...document.querySelectorAll(".net circle")].map((one) => one.getAttribute("cx")).join();
        changes += now !== before;
        before = now;
        requestAnimationFrame(each);
      };
      requestAnimationFrame(each);
      setTimeout(() => done(changes), 2000);
    }));
    moved[reducedMotion] = [counted, glides];
    await page.close();
  }
  const [much, little] = [moved["no-preference"], moved.reduce];
  assert.ok(little[0] >= 1 && little[0] <= 6 && little[1] <= 8, JSON.stringify(moved));
  assert.ok(much[0] > 3 * little[0] && much[1] > 2 * little[1], JSON.stringify(moved));
});

test("text stands out from its ground in both themes", { timeout: 60_000 }, async () => {
  for (const colorScheme of ["light", "dark"]) {
    const { page } = await open(browser, `${server.address}/#pipeline`, { colorScheme });
    await page.click("#tab-live");
    const ratios = await page.evaluate(() => {
      const style = getComputedStyle(document.documentElement);
      const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
      const light = (name) => {
        context.fillStyle = name.startsWith("#") ? getComputedStyle(document.querySelector(name.split(" ")[0]))[name.split(" ")[1]] : style.getPropertyValue(`--${name}`);
        context.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
      return [["ink", "paper"], ["ink", "card"], ["soft", "paper"], ["soft", "card"], ["card", "deep"], ["ink", "shallow"], ["accent", "card"], ["#trouble color", "#trouble backgroundColor"], ...["card", "paper"].flatMap((ground) => ["#pause", "#topic"].map((control) => [`${control} borderTopColor`, ground]))].map(([a, b]) => [a, b, ratio(a, b)]);
    });
    for (const [a, b, ratio] of ratios) assert.ok(ratio >= (/accent|border/.test(a) ? 3 : 4.5), `${colorScheme}: ${a} on ${b} is ${ratio.toFixed(2)}`);
    await page.close();
  }
});
