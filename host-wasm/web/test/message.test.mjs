// The newest message of the live view, the fields that it offers, and a picture that stands still or is seldom drawn.
import assert from "node:assert/strict";
import { test } from "node:test";
import { messages, shown, state, view } from "./following.mjs";
import { browser, open, pause, server, stage, until, visit } from "./support.mjs";

stage();
const click = (n) => JSON.stringify({ r: `http://a${n}.example/long/word`, n: null, ll: [n, -n], t: 1 });

test("a message is shown, and a press measures one of its fields", { timeout: 60_000 }, async () => {
  const { page, errors } = await open(browser, `${server.address}/#live`);
  await state(page, "open");
  assert.equal(await page.isVisible("#live-message"), false);
  await server.publish([click(3)]);
  await page.waitForSelector("#live-message");
  assert.equal(await page.textContent("#live-message"), click(3));
  // What is no number can't be measured, and nothing is drawn of it.
  assert.deepEqual(await page.locator(".offered button").allTextContents(), ["ll.0", "ll.1", "t"]);
  assert.deepEqual(await page.$$eval("#live-names option", (all) => all.map((each) => each.value)), ["r", "ll.0", "ll.1", "t"]);
  assert.equal(await page.isVisible("#live-view .pair"), false);
  await page.click('.offered button:has-text("ll.0")');
  assert.match(page.url(), /field=ll\.0/);
  await state(page, "open");
  await server.publish([click(4), click(6)]);
  await messages(page, 2);
  assert.equal(await view(page, "measured.moments().mean"), 5);
  await page.waitForSelector("#live-view .pair");
  // Text is shown as it is, and has no fields; markup is text.
  await server.publish(["<b>7</b>"]);
  await until(async () => (await page.textContent("#live-message")) === "<b>7</b>", "the text");
  assert.equal(await page.locator(".offered button").count(), 0);
  assert.deepEqual(errors, []);
  await page.close();
});

test("fields are offered by paths that measure them, and those that have none are not", { timeout: 60_000 }, async () => {
  const { page, errors } = await open(browser, `${server.address}/#live`);
  await state(page, "open");
  const record = JSON.stringify({ "user.age": 3, "a[b": { c: 3, "": 7 }, "c]d": [3], "e.f]": 7, "g[0]": 7, "": { h: 7 }, i: { "": 7 } });
  await server.publish([record]);
  await page.waitForSelector(".offered button");
  const offered = await page.locator(".offered button").allTextContents();
  assert.deepEqual(offered, ["[user.age]", "[a[b].c", "c]d.0"]);
  const measured = await page.evaluate(({ offered, record }) => offered.map((field) => new globalThis.streamgauge.Numbers(field).push(record)), { offered, record });
  assert.deepEqual(measured, [3, 3, 3]);
  assert.deepEqual(errors, []);
  await page.close();
});

test("a pause holds the picture, and not the measure", { timeout: 60_000 }, async () => {
  const { page } = await open(browser, `${server.address}/#live`);
  await state(page, "open");
  await server.publish(["1"]);
  await until(async () => (await shown(page, "messages")) === "1", "a message");
  await page.click("#live-pause");
  await server.publish(["2", "3"]);
  await messages(page, 3);
  await pause(600);
  assert.equal(await shown(page, "messages"), "1");
  await page.click("#live-pause");
  assert.equal(await shown(page, "messages"), "3");
  await page.close();
});

test("a page that is called less often than it asks for shows the same rates", { timeout: 60_000 }, async () => {
  const { page } = await visit(browser, "about:blank");
  // As in the background.
  await page.addInitScript(() => {
    const real = globalThis.setInterval;
    globalThis.setInterval = (call, every, ...rest) => real(call, Math.max(every, 1000), ...rest);
  });
  await page.goto(`${server.address}/#live`);
  await state(page, "open");
  for (let i = 0; i < 6; i++) {
    await server.publish(Array.from({ length: 50 }, () => "1"));
    await pause(400);
  }
  const shown = () => view(page, "history[1].reduce((sum, rate, i) => sum + (rate ?? 0) * (history[0][i] - (history[0][i - 1] ?? 0)), 0)");
  await until(async () => Math.abs((await shown()) - 300) < 1, "as many as came");
  // Why nothing is published is said in the server's words.
  await page.route("**/pub*", (route) => route.fulfill({ status: 403, body: "the token may not do this" }));
  await page.click("#publish");
  await page.waitForSelector("#live-view .log >> text=publish: 403: the token may not do this");
  await page.close();
});

test("names in the table of edges break at their parts", { timeout: 60_000 }, async () => {
  const { page } = await open(browser, `${server.address}/#live`);
  await state(page, "open");
  await server.publish(['{"r":"direct","u":"http://www.agency.example/a_b?c=d"}']);
  await page.waitForSelector("#live-view tbody td");
  // Both ends are hosts in the live view.
  assert.deepEqual(await page.$$eval("#live-view tbody td:not(.n)", (all) => all.map((td) => td.innerHTML)), ["direct", "agency.<wbr>example"]);
  await page.close();
});
