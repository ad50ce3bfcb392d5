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
  // Nor is it lost where the page never learns that it was away.
  await call("DELETE", "/topics/typo");
  await call("POST", "/pub?topic=typo", "fourth");
  await until(async () => (await lines(page))[0] === "fourth", "it is followed once more");
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

test("a page that nobody sees leaves its connection to others, and goes on where it was", { timeout: 60_000 }, async () => {
  await call("POST", "/pub?topic=tabs", "one");
  const { page } = await look("#/topics/tabs");
  await until(async () => (await lines(page)).join() === "one", "it follows");
  const show = (isShown) => page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, !isShown);
  const followers = async () => JSON.parse(await call("GET", "/clients?topic=tabs&format=json")).clients.length;
  // Whether or not it asks anything.
  for (const [i, texts] of [["two", "three"], ["four", "five"]].entries()) {
    if (i) await page.click("#pause");
    await until(async () => (await followers()) === 1, "it is connected");
    await show(false);
    await until(async () => (await followers()) === 0, "it is not");
    await call("POST", "/pub?topic=tabs", texts.join("\n"));
    await pause(1500);
    assert.equal(await followers(), 0);
    await show(true);
    await until(async () => (await lines(page)).slice(0, 2).join() === [...texts].reverse().join(), "what came meanwhile");
  }
  assert.deepEqual(await lines(page), ["five", "four", "three", "two", "one"]);
  await page.close();
});

test("a rate is not told of a moment, nor a line drawn over a time that nobody knows of", { timeout: 60_000 }, async () => {
  const { page } = await look("");
  const [rates, drawn] = await page.evaluate(async () => {
    const { Rate, Series, spark } = await import("/dashboard/series.js");
    const [rate, rates, series] = [new Rate(), [], new Series()];
    for (const [total, now] of [[100, 5000], [200, 6000], [300, 6005], [400, 7000], [10, 7001], [20, 8001]]) {
      rate.count(total, now);
      rates.push(rate.last);
    }
    [[1, 0], [2, 0], [4, 0], [30, 1], [31, 1], [59, 0]].forEach(([i, value]) => (series.values[i] = value));
    const { element, update } = spark(series);
    update();
    return [rates, [...element.children].map((path) => path.getAttribute("d"))];
  });
  assert.deepEqual(rates, [null, 100, 100, 200, null, 10]);
  assert.deepEqual(drawn, ["M1 19.0L2 19.0L4 19.0V20H1ZM30 2.0L31 2.0V20H30ZM59 19.0V20H59Z", "M1 19.0L2 19.0L4 19.0M30 2.0L31 2.0M59 19.0"]);
  await page.close();
});

test("how old something is does not depend on the clock of who looks", { timeout: 60_000 }, async () => {
  await call("POST", "/put?queue=aged", "an item");
  const { page } = await look("");
  await page.evaluate(() => {
    const now = Date.now;
    Date.now = () => now() + 3_600_000;
  });
  await pause(2500);
  assert.match((await rows(page, "Queues")).find(([name]) => name === "aged")[3], /^\d+ m?s$/);
  await page.close();
});

test("names are chosen on a page that is paused too, and the field stays where few are left", { timeout: 60_000 }, async () => {
  const own = await start();
  for (let i = 0; i < 12; i++) await call("PUT", `/queues/q${i}`, '{"bytes":65536}', own);
  const { page } = await look("", {}, own);
  const [filter, shown] = ['[aria-label="Queues that begin with"]', async () => (await rows(page, "Queues")).map(([name]) => name).join()];
  await page.waitForSelector('[aria-label="Queues"] >> text=q11');
  await page.click("#pause");
  await page.fill(filter, "q11");
  assert.equal(await shown(), "q11");
  await page.click("#pause");
  for (let i = 0; i < 9; i++) await call("DELETE", `/queues/q${i}`, undefined, own);
  await page.waitForSelector('section:has(h2:text("Queues")) .note >> text=1 of 4');
  await page.fill(filter, "q");
  await until(async () => (await shown()).split(",").length === 3, "those that are left");
  await page.close();
  await own.stop();
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

test("of more names than there is room for the busiest are shown, each in its place", { timeout: 90_000 }, async () => {
  const name = (i) => `place.${String(i).padStart(3, "0")}`;
  const own = await start();
  for (let i = 0; i < 120; i++) await call("PUT", `/topics/${name(i)}`, '{"bytes":65536}', own);
  const { page, errors } = await look("", {}, own);
  await page.fill('[aria-label="Topics that begin with"]', "place.");
  const shown = async () => (await rows(page, "Topics")).map(([name]) => name);
  await until(async () => (await shown()).length === 100, "a hundred");
  const link = '[aria-label="Topics"] a:text-is("place.050")';
  await page.focus(link);
  const busy = [119, 110, 50, 3].map(name);
  await until(async () => {
    for (const [i, topic] of busy.entries()) await call("POST", `/pub?topic=${topic}`, "x\n".repeat(10 * (i + 1)), own);
    const now = await shown();
    assert.deepEqual(now, [...now].sort());
    return busy.every((topic) => now.includes(topic));
  }, "the busiest");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "place.050");
  assert.deepEqual(errors, []);
  await page.close();
  await own.stop();
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
