// The page of what is not there any more: nothing old is shown for new, and nobody is asked for it without end.
import assert from "node:assert/strict";
import { test } from "node:test";
import { call, look } from "./dashboard.mjs";
import { pause, stage, start, until } from "./support.mjs";

stage(start);

const GAUGE = '{"topic":"clicks","measure":["rate"],"every":"1s","last":"9s"}';

/** All three at a server, which forgets them as it begins anew. */
const make = async (of) => {
  await call("POST", "/pub?topic=clicks", "one\ntwo", of);
  await call("POST", "/put?queue=jobs", "an item", of);
  await call("PUT", "/gauges/seen", GAUGE, of);
};

test("what a server does not have any more is not shown, and is shown once it is there again", { timeout: 90_000 }, async () => {
  const own = await start();
  await make(own);
  const visits = [];
  for (const hash of ["#/topics/clicks", "#/queues/jobs", "#/gauges/seen"]) visits.push(await look(hash, {}, own));
  const pages = visits.map(({ page }) => page);
  const parts = [".tiles:visible, [aria-label=Subscribers]:visible", ".tiles:visible, .law:visible, .items li", ".plot:visible, pre:visible"];
  const shown = () => Promise.all(pages.map((page, i) => page.locator(parts[i]).count()));
  await until(async () => (await shown()).join() === "2,3,2", "all is there");
  await own.stop();
  const again = await start(own.port);
  for (const page of pages) await page.waitForSelector(".view > .note >> text=There is no");
  await until(async () => (await shown()).join() === "0,0,0", "nothing is");
  const asked = () => visits[2].requests.filter((url) => url.includes("/gauges/")).length;
  const before = asked();
  await pause(4_500);
  assert.equal(asked(), before, "a gauge that no list has is not asked for");
  await make(again);
  await until(async () => (await shown()).join() === "2,3,2", "all is there again");
  assert.deepEqual(await Promise.all(pages.slice(0, 2).map((page) => page.locator(".tiles svg").count())), [2, 4], "with one picture each");
  for (const page of pages) await page.close();
  await again.stop();
});

test("a gauge that is there is not set up anew unasked, and one without panes is", { timeout: 60_000 }, async () => {
  const { page, errors } = await look("");
  const set = async (name) => {
    await page.fill('label:has-text("Name") input', name);
    await page.fill('label:has-text("Topic") input', "clicks");
    await page.fill('label:has-text("Every") input', "");
    await page.click('button:text("Set up")');
  };
  await call("PUT", "/gauges/there", GAUGE);
  await page.waitForSelector('[aria-label="Gauges"] >> text=there');
  await set("there");
  await page.waitForSelector("#sure-text >> text=Let there measure this? What it has measured so far is lost.");
  await page.click('#sure button:text("Keep it")');
  await set("another");
  await page.waitForFunction(() => location.hash === "#/gauges/another");
  assert.match(await call("GET", "/gauges/there?format=definition"), /"last":"9s"/);
  assert.doesNotMatch(await call("GET", "/gauges/another?format=definition"), /"every"/);
  assert.deepEqual(errors, []);
  await page.close();
});

test("on a phone a picture that is not over time begins at its left", { timeout: 60_000 }, async () => {
  await call("PUT", "/gauges/often", '{"topic":"words","measure":["top"],"every":"1s"}');
  await call("POST", "/pub?topic=words", "a\na\nb");
  const { page } = await look("#/gauges/often", { viewport: { width: 390, height: 844 } });
  await page.waitForFunction(() => document.querySelector(".plot")?.naturalWidth > 0);
  await pause(500);
  assert.deepEqual(await page.$eval(".wide", ({ scrollLeft, scrollWidth, clientWidth }) => [scrollLeft, scrollWidth > clientWidth + 100]), [0, true]);
  await page.close();
});
