// 60 frames a second at 10,000 messages, and memory that doesn't grow: with no other test beside. `npm run frames` measures
// for longer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { look } from "./dashboard.mjs";
import { frames, memory, stream } from "./measure.mjs";
import { browser, open, pause, server, stage, start, until } from "./support.mjs";

stage();

/** The best of up to four runs: others may use the machine, but a page that is too slow is so every time. */
async function best(page) {
  let found;
  for (let run = 0; run < 4; run++) {
    const { at, work } = await frames(page, 3);
    if (!found || at(0.5) < found.median) found = { median: at(0.5), work };
    if (found.median < 17.5) break;
  }
  return found;
}

test("the pipeline keeps 60 frames a second at 1,000, 10,000 and 100,000 messages", { timeout: 120_000 }, async () => {
  const { page } = await open(browser, `${server.address}/#pipeline`);
  for (const rate of ["1,000", "10,000", "100,000"]) {
    await page.click(`[data-preset="${rate} a second"]`);
    await pause(1000);
    const { median, work } = await best(page);
    console.log(`pipeline, ${rate} a second: a frame in ${median.toFixed(1)} ms, ${work.toFixed(1)} ms of it work`);
    assert.ok(median < 17.5, `${median} ms`);
  }
  await page.close();
});

test("live mode keeps 60 frames a second while a server sends 10,000 messages, each an edge of its graph", { timeout: 120_000 }, async () => {
  const { page } = await open(browser, `${server.address}/#live?field=x`);
  await page.waitForSelector('#live-status[data-state="open"]');
  const source = stream(server, 10_000);
  await pause(1500);
  const count = () => page.evaluate(() => document.getElementById("live-view").measured.messages);
  const [before, begun] = [await count(), performance.now()];
  const { median, work } = await best(page);
  const rate = ((await count()) - before) / ((performance.now() - begun) / 1000);
  await source.stop();
  assert.equal(await page.locator("#live-view .net path").count(), 60);
  console.log(`live, ${rate.toFixed(0)} a second: a frame in ${median.toFixed(1)} ms, ${work.toFixed(1)} ms of it work`);
  assert.ok(median < 17.5, `${median} ms`);
  assert.ok(rate > 8000, `${rate} a second`);
  await page.close();
});

test("the page in the binary keeps 60 frames a second while 10,000 messages a second come", { timeout: 120_000 }, async () => {
  const plain = await start();
  const { page } = await look("#/topics/main", {}, plain);
  const source = stream(plain, 10_000);
  await pause(1500);
  const { median } = await best(page);
  assert.ok(median < 17.5, `a frame in ${median} ms`);
  // It takes a sample of so many, and all when there are few again.
  assert.match(await page.textContent(".card .note"), /200 a second · [\d,.KM]+ came/);
  await source.stop();
  await until(async () => /^messages as they come/.test(await page.textContent(".card .note")), "it takes all");
  await page.close();
  await plain.stop();
});

test("memory stays flat at a million messages a second", { timeout: 120_000 }, async () => {
  const { page } = await open(browser, `${server.address}/#pipeline`);
  await page.click('[data-preset="100,000 a second"]');
  await page.focus("#speed");
  await page.keyboard.press("End");
  // Until the charts are full, and the queue, the log and the lag have been at their bounds.
  await page.waitForFunction(() => document.getElementById("pipeline-view").pipeline.now > 65);
  const early = await memory(page);
  const from = await page.evaluate(() => document.getElementById("pipeline-view").pipeline.published);
  await page.waitForFunction(() => document.getElementById("pipeline-view").pipeline.now > 165, undefined, { timeout: 60_000 });
  const late = await memory(page);
  const messages = (await page.evaluate(() => document.getElementById("pipeline-view").pipeline.published)) - from;
  assert.ok(messages > 9e6, `${messages} messages`);
  assert.equal(late.module, early.module);
  // A tenth of a byte a message would be a million.
  assert.ok(late.heap - early.heap < 500_000, `${late.heap - early.heap} bytes more`);
  await page.close();
});
