// The page in the server's binary: what it shows, what it does, and for whom.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { axeFindsNothing, call, cells, look } from "./dashboard.mjs";
import { tabThrough } from "./keyboard.mjs";
import { browser, pause, screenshots, server, stage, start, until } from "./support.mjs";

stage(start);

test("what flows and where it waits is there at first sight, from this server alone", { timeout: 90_000 }, async () => {
  await call("PUT", "/queues/jobs", '{"topic":"clicks"}');
  const { page, errors, requests } = await look("");
  await call("POST", "/pub?topic=clicks", "one\ntwo\nthree");
  await until(async () => (await cells(page, "Topics", "clicks"))?.[5] === "3", "three messages are kept");
  await until(async () => (await cells(page, "Queues", "jobs"))?.[1] === "3", "three items wait");
  await until(async () => /^[3-9] s$/.test((await cells(page, "Queues", "jobs"))?.[3]), "the oldest of them gets older");
  assert.match(await page.textContent("#bounds"), /memory.* of 1 GiB.*up.*version/s);
  // More of them, for long enough to be seen as a rate.
  const source = setInterval(() => void call("POST", "/pub?topic=clicks", "x\n".repeat(50)), 200);
  await until(async () => Number((await page.textContent(".tiles dd")).replaceAll(",", "")) > 100, "a rate");
  clearInterval(source);
  await page.screenshot({ path: join(screenshots, "dashboard.png") });
  assert.deepEqual(requests.filter((url) => !url.startsWith(server.address)), []);
  assert.deepEqual(errors, []);
  await page.close();
});

test("the curl that does the same sends the same text, where it looks like the name of a file too", { timeout: 60_000 }, async () => {
  await call("PUT", "/queues/typed", '{"topic":"typed"}');
  const { page } = await look("#/topics/typed");
  for (const text of ["@/etc/hostname", "it's plain"]) {
    await page.fill("textarea", text);
    execFileSync("sh", ["-c", await page.textContent("form .command")], { stdio: "ignore" });
    assert.equal(await call("GET", "/get?queue=typed"), text);
  }
  await page.close();
});

test("a topic: publish by hand, see it come, hold it still, and change what it keeps", { timeout: 90_000 }, async () => {
  await call("PUT", "/topics/news", "{}");
  const { page, errors } = await look("#/topics/news");
  await page.fill("textarea", 'it\'s "H3110"');
  assert.match(await page.textContent("form .command"), /-d 'it'\\''s "H3110"'/);
  await until(async () => (await page.textContent('[aria-label="Subscribers"]')).includes("dashboard") || (await call("GET", "/clients?topic=news")).includes("127.0.0.1"), "it subscribes");
  await page.click("text=Publish >> nth=-1");
  await page.waitForSelector('.tail >> text="it\'s \\"H3110\\""');
  assert.equal(await page.textContent(".outcome:not(:empty)"), "Published 1 messages to 1 clients.");
  await page.click('button:text("Hold still")');
  await call("POST", "/pub?topic=news", "held");
  await until(async () => (await page.textContent(".card .note")).includes("2 came"), "it has come");
  assert.equal(await page.locator('.tail >> text="held"').count(), 0);
  await page.click('button:text("Hold still")');
  await page.waitForSelector('.tail >> text="held"');
  await page.fill('label:has-text("Only with") input', "H3110");
  assert.equal(await page.locator(".tail li:visible").count(), 1);
  await page.fill('[name="max_age"]', "1h");
  assert.match(await page.textContent("form:has([name=max_age]) .command"), /curl -X PUT '.*\/topics\/news' -d '\{"max_age":"1h"\}'/);
  await page.click('button:text("Change")');
  await until(async () => (await call("GET", "/topics/news")).includes('"max_age":"3600s"'), "it is changed");
  await until(async () => (await page.inputValue('[name="max_age"]')) === "3600s", "the form says so");
  await page.fill('[name="max_age"]', "much");
  await page.click('button:text("Change")');
  await page.waitForSelector(".outcome.wrong >> text=max_age");
  // The browser notes each answer that is a refusal.
  assert.deepEqual(errors.filter((error) => !error.includes("400")), []);
  await page.close();
});

test("the live view chooses by the message, what is there and what comes, and says always what is missing", { timeout: 60_000 }, async () => {
  await call("PUT", "/topics/told", "{}");
  const { page } = await look("");
  const events = "retry: 300\nid: 7\ndata: red\n\nevent: gap\ndata: 70\n\nid: 78\ndata: blue 7\n\n";
  await page.route(/\/sub\?.*format=sse/, (route) => route.fulfill({ contentType: "text/event-stream", body: events }));
  await page.evaluate(() => (location.hash = "#/topics/told"));
  const seen = () => page.locator(".tail li:visible span").allTextContents();
  await until(async () => (await seen()).includes("red"), "all of it comes");
  // It is in both numbers, and in one message.
  await page.fill('label:has-text("Only with") input', "7");
  const chosen = (await seen()).length;
  await until(async () => (await seen()).length > chosen, "it comes again");
  assert.deepEqual(new Set(await seen()), new Set(["blue 7", "70 messages are missing here"]));
  await page.fill('label:has-text("Only with") input', "red");
  assert.deepEqual(new Set(await seen()), new Set(["red", "70 messages are missing here"]));
  await page.close();
});

test("whoever skips to what the page shows loses nothing that was typed", { timeout: 60_000 }, async () => {
  const { page, errors } = await look("");
  await page.fill('label:has-text("Name") input', "typed");
  await page.focus(".skip");
  await page.keyboard.press("Enter");
  assert.deepEqual(await page.evaluate(() => [document.activeElement.id, location.hash]), ["main", ""]);
  assert.equal(await page.inputValue('label:has-text("Name") input'), "typed");
  assert.deepEqual(errors, []);
  await page.close();
});

test("streams of one connection are a row each", { timeout: 60_000 }, async () => {
  await call("PUT", "/topics/many", "{}");
  const { page } = await look("");
  const one = { peer: "10.0.0.1:1", policy: "block", blocked: 0, sent: 1, lag_messages: 0, lag_bytes: 0, missed: 0, skipped: 0 };
  await page.route("**/clients?topic=many*", (route) => route.fulfill({ json: { clients: [{ ...one, name: "a" }, { ...one, name: "b" }, { ...one, peer: "10.0.0.2:1", name: "c" }], sent_away: [] } }));
  await page.evaluate(() => (location.hash = "#/topics/many"));
  const names = () => page.$$eval('[aria-label="Subscribers"] tbody tr', (rows) => rows.map((row) => row.cells[1].textContent).join());
  await until(async () => (await names()) === "a,b,c", "all three");
  await page.close();
});

test("a late answer of one state does not replace the items of another", { timeout: 60_000 }, async () => {
  await call("POST", "/put?queue=late", "fresh");
  const { page, errors } = await look("#/queues/late");
  await page.waitForSelector('.items >> text="fresh"');
  let answer;
  const held = new Promise((done) => (answer = done));
  await page.route("**/peek?*state=ready*", async (route) => { await held; await route.continue(); });
  const late = page.waitForResponse(/state=ready/);
  await page.click('button:text("Look again")');
  await page.selectOption('[aria-label="Which items"]', "dead");
  await page.waitForSelector("text=No item is dead.");
  answer();
  await (await late).finished();
  await pause(300);
  assert.equal(await page.locator(".items li").count(), 0);
  assert.equal(await page.locator("text=No item is dead.").count(), 1);
  assert.deepEqual(errors, []);
  await page.close();
});

test("settings that look like numbers are what they are, and a filter may have spaces", { timeout: 60_000 }, async () => {
  await call("PUT", "/queues/set", "{}");
  const { page } = await look("#/queues/set");
  const set = async (name, text, wanted) => {
    await page.fill(`[name="${name}"]`, text);
    assert.match(await page.textContent("form:has([name=max_age], [name=lease]) .command"), new RegExp(`-d '${wanted.replace(/[[\]{}]/g, "\\$&")}'$`));
    await page.click('button:text("Change")');
    await until(async () => (await page.textContent("form:has([name=lease]) .outcome")) === "Changed." && (await page.isDisabled('button:text("Change")')), `${name} ${text}`);
  };
  const inForce = async () => JSON.parse(await call("GET", "/queues/set")).settings;
  await page.waitForSelector('[name="topic"]');
  assert.equal(await page.inputValue('[name="filter"]'), "");
  await set("topic", "2024", '{"topic":"2024"}');
  await set("dead_letter", "404", '{"dead_letter":"404"}');
  await set("sample", "10", '{"sample":10}');
  await set("filter", "c:New York", '{"filter":"c:New York"}');
  assert.deepEqual((await inForce()).filter, ["c:New York"]);
  await set("filter", '["c:New York","n:5"]', '{"filter":["c:New York","n:5"]}');
  const { topic, dead_letter: dead, sample, filter } = await inForce();
  assert.deepEqual([topic, dead, sample, filter], ["2024", "404", 10, ["c:New York", "n:5"]]);
  await page.reload();
  await until(async () => (await page.inputValue('[name="filter"]').catch(() => "")) === '["c:New York","n:5"]', "both are there");
  await set("filter", "", '{"filter":null}');
  assert.equal(await page.inputValue('[name="filter"]'), "");
  await page.close();
});

test("a queue: put, look at items, bring dead letters back, pause, empty and remove it", { timeout: 90_000 }, async () => {
  await call("PUT", "/queues/work", '{"max_attempts":1}');
  const { page, errors } = await look("#/queues/work");
  await page.fill("textarea", "letter");
  await page.click('button:text-is("Put")');
  await page.waitForSelector('.items >> text="letter"');
  const [, token] = /"lease":"([^"]+)"/.exec(await call("GET", "/mget?queue=work&items=1&lease=30"));
  await call("POST", `/nack?queue=work&reason=bad+stamp&lease=${token}`);
  await page.selectOption('[aria-label="Which items"]', "dead");
  await page.waitForSelector(".items >> text=bad stamp");
  assert.match(await page.textContent(".items small"), / · died \d\d:\d\d:\d\d · bad stamp$/);
  await until(async () => (await page.textContent(".law")) === "accepted 1 = ready 0 + dead 1", "where it is");
  await page.click('button:text("Redrive")');
  await page.selectOption('[aria-label="Which items"]', "ready");
  await page.waitForSelector('.items >> text="letter"');
  await page.click('button:text-is("Pause") >> nth=1');
  await page.waitForSelector('button:text("Resume")');
  assert.equal(await call("GET", "/get?queue=work"), "");
  await page.click('button:text("Empty")');
  await page.click('#sure button:text("Keep it")');
  assert.match(await call("GET", "/queues/work"), /"ready":1/);
  await page.click('button:text("Empty")');
  await page.click('#sure button:text("Yes")');
  await until(async () => /"ready":0/.test(await call("GET", "/queues/work")), "it is empty");
  await page.click('button:text("Remove")');
  await page.click('#sure button:text("Yes")');
  await until(async () => (await fetch(`${server.address}/queues/work`)).status === 404, "it is gone");
  await page.waitForFunction(() => location.hash === "#/");
  assert.deepEqual(errors, []);
  await page.close();
});

test("a gauge is set up, drawn, and removed", { timeout: 90_000 }, async () => {
  const { page, errors } = await look("");
  await page.fill('label:has-text("Name") input', "latency");
  await page.fill('label:has-text("Topic") input', "timed");
  await page.fill('label:has-text("Field") input', "t");
  await page.fill('label:has-text("Every") input', "1s");
  await page.click('button:text("Set up")');
  await page.waitForFunction(() => location.hash === "#/gauges/latency");
  await call("POST", "/pub?topic=timed", Array.from({ length: 100 }, (_, i) => `{"t":${i}}`).join("\n"));
  await until(async () => /count\s+100/.test(await page.textContent('[aria-label="The same as a table"]')), "a hundred are measured");
  await page.waitForFunction(() => document.querySelector(".plot").naturalWidth > 100);
  await page.screenshot({ path: join(screenshots, "dashboard-gauge.png") });
  // All of its settings can be changed, as curl would.
  const definition = await page.inputValue('label:has-text("JSON") textarea');
  assert.equal(JSON.parse(definition).every, "1s");
  await page.fill('label:has-text("JSON") textarea', definition.replace('"1s"', '"2s"'));
  assert.match(await page.textContent("form .command"), /curl -X PUT '.*\/gauges\/latency' -d '\{"topic":"timed".*"every":"2s"/);
  await page.click('button:text("Begin anew")');
  await page.click('#sure button:text("Yes")');
  await until(async () => (await call("GET", "/gauges/latency?format=definition")).includes('"every":"2s"'), "it is changed");
  await page.fill('label:has-text("JSON") textarea', '{"topic":');
  await page.click('button:text("Begin anew")');
  await page.click('#sure button:text("Yes")');
  await page.waitForSelector(".outcome.wrong");
  // It is drawn among all others too.
  await page.click('a:text("everything")');
  await page.waitForFunction(() => document.querySelector(".plots .plot")?.naturalWidth > 100);
  await page.click('.plots a:has-text("latency")');
  await page.waitForFunction(() => location.hash === "#/gauges/latency");
  await page.click('button:text("Remove")');
  await page.click('#sure button:text("Yes")');
  await until(async () => (await fetch(`${server.address}/gauges/latency`)).status === 404, "it is gone");
  assert.deepEqual(errors.filter((error) => !/40[04]/.test(error)), []);
  await page.close();
});

test("on a phone the picture of a gauge begins with what is newest, and stays where it is put", { timeout: 60_000 }, async () => {
  await call("PUT", "/gauges/small", '{"topic":"small","measure":["moments"],"every":"1s","last":"10s"}');
  const { page, errors } = await look("#/gauges/small", { viewport: { width: 390, height: 844 }, colorScheme: "dark" });
  // It is drawn in the colours of the page.
  assert.deepEqual(await page.$eval(".plot", (plot) => [getComputedStyle(plot).backgroundColor, getComputedStyle(plot).filter]), ["rgba(0, 0, 0, 0)", "invert(0.93)"]);
  const place = () => page.$eval(".wide", ({ scrollLeft, scrollWidth, clientWidth }) => ({ scrollLeft, most: scrollWidth - clientWidth }));
  await until(async () => (await place()).most > 100, "it is wider than there is room for");
  await until(async () => ((at) => at.scrollLeft >= at.most - 1)(await place()), "its right end is seen");
  const [drawn] = await page.$$eval(".plot", (all) => [all[0].src, (document.querySelector(".wide").scrollLeft = 0)]);
  await call("POST", "/pub?topic=small", "1\n2\n3");
  await until(async () => (await page.getAttribute(".plot", "src")) !== drawn, "it is drawn anew");
  await page.waitForFunction(() => document.querySelector(".plot").complete);
  assert.equal((await place()).scrollLeft, 0);
  assert.deepEqual(errors, []);
  await page.close();
});

test("a server that goes away is said, and found again", { timeout: 90_000 }, async () => {
  const other = await start();
  const page = await browser.newPage();
  await page.goto(other.address);
  await page.waitForSelector('#health[data-state="ok"]');
  await other.stop();
  await page.waitForSelector('#health[data-state="lost"]');
  assert.match(await page.textContent("#health"), /no connection to the server: trying again/);
  const again = await start(other.port);
  await page.waitForSelector('#health[data-state="ok"]');
  await page.close();
  await again.stop();
});

test("axe finds nothing, in light and dark, wide and narrow; and no page is wider than its window", { timeout: 180_000 }, async () => {
  await call("PUT", "/gauges/seen", '{"topic":"clicks","measure":["rate"],"every":"1s"}');
  await call("POST", "/put?queue=jobs", "an item");
  for (const [hash, name] of [["", "home"], ["#/topics/clicks", "topic"], ["#/queues/jobs", "queue"], ["#/gauges/seen", "gauge"]]) {
    for (const [width, colorScheme] of [[1440, "light"], [390, "dark"]]) {
      const { page, errors } = await look(hash, { viewport: { width, height: 844 }, colorScheme });
      await pause(1200);
      await page.screenshot({ path: join(screenshots, `dashboard-${name}-${colorScheme}-${width}.png`) });
      await axeFindsNothing(page, `${name}, ${width}`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} is wider than ${width}`);
      assert.deepEqual(errors, []);
      await page.close();
    }
  }
});

test("every control is reached with the Tab key, has a name, and shows that it has the focus", { timeout: 120_000 }, async () => {
  for (const hash of ["", "#/topics/clicks", "#/queues/jobs", "#/gauges/seen"]) {
    const { page } = await look(hash);
    await pause(1200);
    // Nothing is added to what there is while it is gone through.
    await page.click("#pause");
    await page.evaluate(() => document.activeElement.blur());
    await tabThrough(page, hash || "home");
    await page.close();
  }
});
