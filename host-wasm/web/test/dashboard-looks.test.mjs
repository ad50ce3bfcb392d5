// The page as somebody who only looks: it makes nothing, says what it does not know, and comes back by itself.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { call, look, rows } from "./dashboard.mjs";
import { pause, screenshots, server, stage, start, until } from "./support.mjs";

stage(start);

const names = async (kind, of = server) => JSON.parse(await call("GET", `/${kind}`, undefined, of)).map(({ name }) => name);
const lines = (page) => page.locator(".tail li span").allTextContents();
const followed = (page) => page.textContent(".card .note");

test("a topic or a queue that is looked at is not made, and is followed once it is there", { timeout: 60_000 }, async () => {
  const { page, errors } = await look("#/topics/typo");
  await page.waitForSelector(".tail-state >> text=There is no topic of that name: whoever publishes to it makes it.");
  await page.evaluate(() => (location.hash = "#/queues/typo"));
  await page.waitForSelector(".view > .note >> text=There is no queue of that name");
  await page.evaluate(() => (location.hash = "#/topics/typo"));
  await pause(1500);
  assert.deepEqual([(await names("topics")).includes("typo"), (await names("queues")).includes("typo")], [false, false]);
  await call("POST", "/pub?topic=typo", "first\nsecond");
  await until(async () => (await lines(page)).join() === "second,first", "both come");
  assert.match(await followed(page), /^messages as they come · 2 came$/);
  // One that is removed is not made again either.
  await call("DELETE", "/topics/typo");
  await page.waitForSelector(".tail-state >> text=There is no topic of that name");
  await pause(2500);
  assert.equal((await names("topics")).includes("typo"), false);
  await call("POST", "/pub?topic=typo", "third");
  await until(async () => (await lines(page))[0] === "third", "it is followed again");
  assert.deepEqual(errors, []);
  await page.close();
});

test("after a restart a topic is not made anew, and nobody can say how many messages are missing", { timeout: 90_000 }, async () => {
  const own = await start();
  await call("POST", "/pub?topic=clicks", "one\ntwo\nthree", own);
  const { page } = await look("#/topics/clicks", {}, own);
  await until(async () => (await lines(page)).length === 3, "what is kept");
  await own.stop();
  const again = await start(own.port);
  await page.waitForSelector(".tail-state >> text=There is no topic of that name");
  assert.equal((await names("topics", again)).includes("clicks"), false);
  await call("POST", "/pub?topic=clicks", "four", again);
  await until(async () => (await lines(page))[0] === "four", "it goes on");
  assert.deepEqual((await lines(page)).slice(0, 2), ["four", "messages may be missing here: nobody can say how many"]);
  await page.close();
  await again.stop();
});

test("what a topic keeps is in its list, by a link as by its address", { timeout: 60_000 }, async () => {
  const { page } = await look("");
  // However old is what the page knows.
  await page.click("#pause");
  await call("POST", "/pub?topic=kept", "one\ntwo\nthree");
  await page.evaluate(() => (location.hash = "#/topics/kept"));
  await until(async () => (await lines(page)).join() === "three,two,one", "by a link");
  assert.match(await followed(page), /· 3 came$/);
  await page.reload();
  await until(async () => (await lines(page)).join() === "three,two,one", "by its address");
  await page.close();
});

test("a question without an answer is asked again within seconds", { timeout: 60_000 }, async () => {
  const { page } = await look("");
  let hangs = true;
  await page.route("**/overview", (route) => hangs || route.continue());
  await page.waitForSelector('#health[data-state="lost"] >> text=the server does not answer: trying again');
  hangs = false;
  await page.waitForSelector('#health[data-state="ok"]', { timeout: 5_000 });
  await page.close();
});

test("a page that is paused tries nothing, says so, and goes on at once", { timeout: 60_000 }, async () => {
  const { page } = await look("");
  let [breaks, asked] = [true, 0];
  await page.route("**/overview", (route) => (asked++, breaks ? route.abort() : route.continue()));
  await page.waitForSelector("#health >> text=trying again");
  await page.click("#pause");
  assert.equal(await page.textContent("#pause"), "Resume");
  assert.equal(await page.textContent("#health"), "no connection to the server");
  await pause(500);
  const before = asked;
  await pause(3000);
  assert.equal(asked, before);
  assert.equal(await page.textContent("#health"), "no connection to the server");
  breaks = false;
  await page.click("#pause");
  await page.waitForSelector('#health[data-state="ok"]', { timeout: 1_500 });
  assert.equal(await page.textContent("#pause"), "Pause");
  await page.close();
});

test("a minute is a minute, however often the page has asked", { timeout: 60_000 }, async () => {
  const { page } = await look("");
  const seen = await page.evaluate(async () => {
    const { Series } = await import("/dashboard/series.js");
    const [series, real] = [new Series(), Date.now];
    const at = (seconds, value) => {
      Date.now = () => 1e12 + seconds * 1000;
      series.push(value);
      return series.values.flatMap((value, i) => (value == null ? [] : [[i, value]]));
    };
    const all = [at(0, 900), at(1, 1), at(1.5, 2), at(31, 3), at(61, 4), at(200, 5), at(100, 6)];
    Date.now = real;
    return all;
  });
  assert.deepEqual(seen, [[[59, 900]], [[58, 900], [59, 1]], [[58, 900], [59, 2]], [[28, 900], [29, 2], [59, 3]], [[29, 3], [59, 4]], [[59, 5]], [[59, 6]]]);
  await page.close();
});

test("gauges are as many as are said, are chosen by their beginning, and opened by their name", { timeout: 90_000 }, async () => {
  for (let i = 0; i < 130; i++) await call("PUT", `/gauges/${i < 3 ? "rare" : "many"}.${i}`, '{"topic":"clicks","measure":["rate"],"every":"1s","last":"2s"}');
  const { page, errors } = await look("");
  const card = 'section:has(> .bar h2:text("Gauges"))';
  await page.waitForSelector(`${card} .note >> text=100 of 130`);
  assert.equal((await rows(page, "Gauges")).length, 100);
  await page.fill('[aria-label="Gauges that begin with"]', "rare.");
  await until(async () => (await rows(page, "Gauges")).map(([name]) => name).join() === "rare.0,rare.1,rare.2", "those alone");
  await page.waitForSelector(`${card} .note >> text=3 of 130`);
  await until(async () => (await page.locator(".plots a").count()) === 3, "their pictures");
  await page.screenshot({ path: join(screenshots, "dashboard-gauges.png"), fullPage: true });
  await page.fill('[aria-label="Name of one of the gauges"]', "many.77");
  await page.click(`${card} button:text("Open")`);
  await page.waitForFunction(() => location.hash === "#/gauges/many.77");
  assert.deepEqual(errors, []);
  await page.close();
});

test("names that are cut off are told whole", { timeout: 60_000 }, async () => {
  const long = (end) => `${"a".repeat(54)}.${end}`;
  for (const end of ["one", "two"]) {
    await call("PUT", `/topics/${long(end)}`, "{}");
    await call("PUT", `/queues/${long(end)}`, "{}");
    await call("PUT", `/gauges/${long(end)}`, '{"topic":"clicks","measure":["rate"],"every":"1s","last":"2s"}');
  }
  for (const width of [1440, 390]) {
    const { page } = await look("", { viewport: { width, height: 844 } });
    for (const table of ["Topics", "Queues", "Gauges"]) {
      const titles = await page.$$eval(`[aria-label="${table}"] tbody th`, (all) => all.filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth).map(({ title }) => title).filter((title) => !title.startsWith("gauge.")));
      assert.deepEqual(titles.sort(), [long("one"), long("two")], `${table}, ${width}`);
    }
    await page.screenshot({ path: join(screenshots, `dashboard-long-${width}.png`), fullPage: true });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await page.close();
  }
});
