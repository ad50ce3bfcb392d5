// The graph: files, exports, and what a hand or a keyboard does with it.
import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { browser, open, pause, server, stage, until } from "./support.mjs";

stage();

/** A graph that stands still: nothing is made up any more, and the layout is at rest. */
async function standing(options) {
  const opened = await open(browser, `${server.address}/#graph`, options);
  await opened.page.click("#graph-pause");
  await rest(opened.page);
  return opened;
}

async function rest(page) {
  const places = () => page.$$eval(".net circle", (all) => all.map((one) => `${one.getAttribute("cx")},${one.getAttribute("cy")}`).join(" "));
  await until(async () => {
    const before = await places();
    await pause(300);
    return before === (await places());
  }, "the layout at rest");
}

/** Lets go of a file over the page. */
async function drop(page, name, lines) {
  await page.evaluate(([name, text]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], name));
    const at = document.querySelector(".drop");
    for (const type of ["dragover", "drop"]) at.dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }, [name, lines.join("\n")]);
  await page.waitForSelector(`#file-status[data-done="${name}"]`);
}

const middle = async (page, name) => {
  const { x, y, width, height } = await page.locator(`.net circle[data-node="${name}"]`).boundingBox();
  return { x: x + width / 2, y: y + height / 2 };
};
const near = (a, b, most) => assert.ok(Math.hypot(a.x - b.x, a.y - b.y) <= most, `${JSON.stringify(a)} and ${JSON.stringify(b)}`);

test("a node is dragged, the picture moved and zoomed, by hand and by keyboard", { timeout: 90_000 }, async () => {
  const { page, errors } = await standing();
  const place = await middle(page, "nasa.gov");
  await page.mouse.move(place.x, place.y);
  assert.match(await page.textContent("#graph-told"), /^nasa\.gov: weight \d+, \d+ neighbours$/);
  assert.ok((await page.locator(".net .faded").count()) > 0 && (await page.locator(".net .edge.hot").count()) > 0);
  const to = { x: place.x - 60, y: place.y + 50 };
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 5 });
  await until(async () => Math.hypot((await middle(page, "nasa.gov")).x - to.x, (await middle(page, "nasa.gov")).y - to.y) < 2, "the node under the pointer");
  await page.mouse.up();

  await page.close();
  const { page: other } = await standing();
  const [a, b] = [await middle(other, "nasa.gov"), await middle(other, "direct")];
  await other.mouse.move(a.x, a.y);
  await other.mouse.wheel(0, -400);
  const [c, d] = [await middle(other, "nasa.gov"), await middle(other, "direct")];
  near(a, c, 2);
  assert.ok(Math.abs(Math.hypot(c.x - d.x, c.y - d.y) / Math.hypot(a.x - b.x, a.y - b.y) - 2) < 0.05, "twice as large");
  await other.locator(".net").dblclick({ position: { x: 5, y: 5 } });
  near(await middle(other, "direct"), b, 2);
  // The whole picture, by its ground.
  const box = await other.locator(".net").boundingBox();
  await other.mouse.move(box.x + 8, box.y + 8);
  await other.mouse.down();
  await other.mouse.move(box.x + 48, box.y + 28, { steps: 3 });
  await other.mouse.up();
  near(await middle(other, "direct"), { x: b.x + 40, y: b.y + 20 }, 2);
  await other.focus(".net");
  await other.keyboard.press("0");
  near(await middle(other, "direct"), b, 2);
  await other.keyboard.press("+");
  await other.keyboard.press("ArrowRight");
  const first = await other.textContent("#graph-told");
  await other.keyboard.press("ArrowRight");
  const second = await other.textContent("#graph-told");
  assert.match(first, /: weight/);
  assert.match(second, /: weight/);
  assert.notEqual(first, second);
  await other.keyboard.press("0");
  near(await middle(other, "direct"), b, 2);
  assert.deepEqual(errors, []);
  await other.close();
});

test("every node stays in the picture, and every name", { timeout: 90_000 }, async () => {
  for (const viewport of [{ width: 1920, height: 1080 }, { width: 390, height: 844 }]) {
    // Pairs that hang on nothing push each other away.
    const { page } = await standing({ viewport });
    await drop(page, "pairs.jsonl", Array.from({ length: 60 }, (_, i) => `{"r":"a${i}.example.org","u":"b${i}.example.org"}`));
    await rest(page);
    assert.equal(await page.locator(".net circle").count(), 120);
    const outside = await page.evaluate(() => {
      const frame = document.querySelector(".net").getBoundingClientRect();
      return [...document.querySelectorAll(".net circle, .net text")].map((one) => one.getBoundingClientRect()).filter((one) => one.left < frame.left || one.right > frame.right || one.top < frame.top || one.bottom > frame.bottom).length;
    });
    assert.equal(outside, 0);
    await page.close();
  }
});

test("what is saved is what is shown", { timeout: 60_000 }, async () => {
  const { page, errors } = await standing();
  const saved = async (button) => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(button)]);
    return [download.suggestedFilename(), readFileSync(await download.path(), "utf8")];
  };
  const edges = await page.evaluate(() => document.getElementById("graph-view").source.top(1e6).map(({ from, to, weight, error }) => ({ from, to, weight, error })));
  const [name, json] = await saved("#save-json");
  assert.equal(name, "graph.json");
  assert.ok(edges.length > 100);
  assert.deepEqual(JSON.parse(json), edges);
  const [drawing, svg] = await saved("#save-svg");
  assert.equal(drawing, "graph.svg");
  const found = await page.evaluate((svg) => {
    const parsed = new DOMParser().parseFromString(svg, "image/svg+xml");
    const shown = document.querySelector(".net");
    const of = (root, what, name) => [...root.querySelectorAll(what)].map((one) => one.getAttribute(name) ?? one.textContent);
    return {
      error: parsed.querySelector("parsererror")?.textContent,
      same: ["circle", "path"].map((what) => JSON.stringify(of(parsed, what, what === "path" ? "d" : "cx")) === JSON.stringify(of(shown, what, what === "path" ? "d" : "cx"))),
      names: of(parsed, "text", "none").length,
      fills: new Set(of(parsed, "circle", "fill")).size,
      classless: ![...parsed.querySelectorAll("circle")].some((one) => one.getAttribute("fill").includes("var(")),
    };
  }, svg);
  assert.deepEqual(found, { error: undefined, same: [true, true], names: found.names, fills: 2, classless: true });
  assert.ok(found.names > 5);
  assert.deepEqual(errors, []);
  await page.close();
});

test("a file that is dropped on the page is counted to the last record", { timeout: 60_000 }, async () => {
  const { page, errors } = await open(browser, `${server.address}/#graph`);
  // Not every browser has it.
  await page.evaluate(() => delete ReadableStream.prototype[Symbol.asyncIterator]);
  const lines = Array.from({ length: 5000 }, (_, i) => JSON.stringify({ r: `http://www.site${i % 7}.example/p?q=${i}`, u: i % 5 ? `http://target${i % 3}.gov/${i}` : undefined, n: i }));
  lines.splice(100, 0, "{broken", "", "[1]");
  await drop(page, "dropped.jsonl", lines);
  const counted = await page.evaluate(() => {
    const { source } = document.getElementById("graph-view");
    return { records: source.records, incomplete: source.incomplete, invalid: source.invalid, top: source.top(100).map(({ from, to, weight }) => [from, to, weight]) };
  });
  const weights = new Map();
  for (let i = 0; i < 5000; i++) if (i % 5) weights.set(`site${i % 7}.example target${i % 3}.gov`, (weights.get(`site${i % 7}.example target${i % 3}.gov`) ?? 0) + 1);
  const expected = [...weights].map(([key, weight]) => [...key.split(" "), weight]).sort((p, q) => q[2] - p[2] || (p[0] < q[0] || (p[0] === q[0] && p[1] < q[1]) ? -1 : 1));
  assert.deepEqual(counted, { records: 4000, incomplete: 1000, invalid: 2, top: expected });
  const shown = await page.$$eval('[aria-label="Top edges"] tbody tr', (rows) => rows.slice(0, 3).map((row) => [...row.cells].map((cell) => cell.textContent)));
  assert.deepEqual(shown, expected.slice(0, 3).map((row) => row.map(String)));
  assert.deepEqual(errors, []);
  await page.close();
});

test("a file is read again when directions begin or cease to count, and one without an edge shows none", { timeout: 60_000 }, async () => {
  const { page, errors } = await open(browser, `${server.address}/#graph`);
  await drop(page, "both.jsonl", ['{"r":"a","u":"b"}', '{"r":"b","u":"a"}', '{"r":"a","u":"b"}']);
  const weights = () => page.evaluate(() => document.getElementById("graph-view").source.top(9).map(({ weight }) => weight).join());
  assert.equal(await weights(), "2,1");
  // Each edge is a curve and the head of an arrow, as long as directions count.
  const heads = () => page.$$eval("#graph-view .net path", (all) => all.map((one) => one.getAttribute("d").replace(/[^A-Z]/g, "")).join());
  await until(async () => (await heads()) === "MQMLL,MQMLL", "two arrows");
  await page.uncheck("#directed");
  await until(async () => (await weights()) === "3", "one edge of both");
  await until(async () => (await heads()) === "MQ", "no arrow");
  await page.check("#directed");
  await until(async () => (await weights()) === "2,1", "two edges");
  await drop(page, "nothing.jsonl", ["no record"]);
  await until(async () => (await page.textContent('#graph-view [data-value="invalid"]')) === "1", "what isn't counted");
  assert.equal(await page.locator(".net circle").count(), 0);
  assert.deepEqual(errors, []);
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
      globalThis.gaps = [];
      let last = performance.now();
      const each = (now) => {
        globalThis.gaps.push(now - last);
        last = now;
        requestAnimationFrame(each);
      };
      requestAnimationFrame(each);
    });
    await page.setInputFiles("#file", path);
    await page.waitForSelector("#file-status[data-done]", { timeout: 200_000 });
    const [said, gaps, counted] = await page.evaluate(() => [document.getElementById("file-status").textContent, globalThis.gaps, document.getElementById("graph-view").source.records]);
    const sum = (of) => of.reduce((all, one) => all + one, 0);
    // Time in which nothing moved, as a share: a machine that others use stops for a moment, a page that freezes always does.
    const frozen = sum(gaps.filter((one) => one > 250)) / sum(gaps);
    console.log(`${(written / 1e6).toFixed(0)} MB: ${said}; longest gap between frames ${Math.max(...gaps).toFixed(0)} ms`);
    assert.equal(counted, records);
    assert.ok(frozen < 0.25, `the page stood still for ${(100 * frozen).toFixed(0)} % of the time`);
    assert.deepEqual(errors, []);
    await page.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
