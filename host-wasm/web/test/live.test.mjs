// Live mode against real servers.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { files, launch, open, pause, screenshots, serve, until, wire, www } from "./support.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

const view = (page, read) => page.evaluate(`(({ gauge, gaps, history }) => ${read})(document.getElementById("live-view"))`);
const state = (page, wanted) => page.waitForSelector(`#live-status[data-state="${wanted}"]`);
const messages = (page, n) => until(() => view(page, `gauge.messages >= ${n}`), `${n} messages`);
const shown = (page, id) => page.textContent(`#live-view [data-value="${id}"]`);
const tells = (page, id, value) => until(async () => (await shown(page, id)) === value, `${id} ${value}`);
const records = (n, from = 0) => Array.from({ length: n }, (_, i) => JSON.stringify({ x: from + i, r: "http://a.example/", u: `http://b${i % 3}.example/` }));

test("a page that comes from a streamgauge follows it from the start", { timeout: 60_000 }, async () => {
  const server = await serve();
  try {
    const { page, errors } = await open(browser, `${server.address}/`);
    assert.equal(await page.getAttribute("#tab-live", "aria-selected"), "true");
    await state(page, "open");
    await page.waitForSelector("#live-hint", { state: "visible" });
    assert.match(await page.textContent("#live-hint"), new RegExp(`curl -d 3.14 ${server.address}/pub`));
    await server.publish(["3.14", "2.86", "not a number"]);
    await messages(page, 3);
    await tells(page, "mean", "3.000");
    assert.ok(await page.isHidden("#live-hint"));
    await page.click("#publish");
    await messages(page, 103);
    assert.equal(await view(page, "gauge.without"), 1);
    assert.deepEqual(errors, []);
    await page.close();
  } finally {
    await server.stop();
  }
});

test("a page from plain files begins with its own pipeline, without an error", { timeout: 60_000 }, async () => {
  const plain = await files(www);
  try {
    const { page, errors } = await open(browser, `${plain.address}/`);
    assert.equal(await page.getAttribute("#tab-pipeline", "aria-selected"), "true");
    await page.click("#tab-live");
    assert.equal(await page.textContent("#live-status"), "not connected");
    assert.deepEqual(errors, []);
    await page.close();
  } finally {
    plain.stop();
  }
});

test("live mode measures a real stream and follows the server through a restart", { timeout: 120_000 }, async () => {
  let server = await serve();
  try {
    const { page } = await open(browser, `${server.address}/#live?field=x`);
    await state(page, "open");
    await server.publish(records(200));
    await messages(page, 200);
    assert.equal(await view(page, "gauge.moments().mean"), 99.5);
    await server.stop();
    await state(page, "waiting");
    server = await serve(server.port);
    await state(page, "open");
    await server.publish(['{"x":1}', '{"x":2}']);
    await messages(page, 202);
    assert.deepEqual(await view(page, "[gauge.moments().count, Math.round(gauge.moments().mean * 202)]"), [202, 19903]);
    await tells(page, "reconnects", "1");
    // The new server knows nothing of the old one's messages, and the page says so.
    assert.deepEqual(await view(page, "gaps.map((gap) => gap.lost)"), [0]);
    await page.close();
  } finally {
    await server.stop();
  }
});

test("what left the log while the wire was cut is a gap of just that size", { timeout: 120_000 }, async () => {
  const server = await serve(0, "--log-bytes", "65536", "--max-body-bytes", "16384", "--max-message-bytes", "1024");
  const line = await wire(server);
  try {
    const { page } = await open(browser, `${line.address}/#live?field=x`);
    await state(page, "open");
    await server.publish(records(200));
    await messages(page, 200);
    await pause(1000);
    line.cut();
    await state(page, "waiting");
    for (let i = 0; i < 25; i++) await server.publish(records(200, 200 + 200 * i));
    await pause(1500);
    line.mend();
    await state(page, "open");
    await server.publish(records(1, 5200));
    await until(() => view(page, "gauge.histogram() !== undefined && gauge.moments().max === 5200"), "the last message");
    const [seen, gaps] = await view(page, "[gauge.messages, gaps.map((gap) => ({ ...gap }))]");
    const lost = 5201 - seen;
    assert.ok(lost > 1000 && lost < 5000, `${lost} lost`);
    assert.equal(gaps.length, 1);
    assert.equal(gaps[0].lost, lost);
    await tells(page, "missed", lost.toLocaleString("en"));
    assert.match(await page.textContent("#live-view .log"), new RegExp(`gap: ${lost.toLocaleString("en")} messages were lost`));
    // In the charts it is a hole as long as it lasted.
    await pause(700);
    const [times, rates] = await view(page, "history");
    const hole = times.filter((at, i) => rates[i] === null && at > gaps[0].from && at < gaps[0].to);
    assert.ok(gaps[0].to - gaps[0].from > 1.4 && hole.length >= 4, JSON.stringify([gaps, hole]));
    const within = times.filter((at) => at > gaps[0].from + 0.01 && at < gaps[0].to - 0.01).length;
    assert.ok(hole.length >= within, `${hole.length} of ${within} samples are empty`);
    await page.screenshot({ path: join(screenshots, "live-gap.png"), fullPage: true });
    await page.close();
  } finally {
    line.stop();
    await server.stop();
  }
});

test("nothing is lost or twice when the wire is cut and the log still has all", { timeout: 120_000 }, async () => {
  const server = await serve();
  const line = await wire(server);
  try {
    const { page } = await open(browser, `${line.address}/#live?field=x`);
    await state(page, "open");
    // The first cut comes before any message: the page goes on where the stream began.
    for (let cut = 0; cut < 3; cut++) {
      line.cut();
      await state(page, "waiting");
      await server.publish(records(100, 100 * cut));
      line.mend();
      await messages(page, 100 * (cut + 1));
    }
    assert.deepEqual(await view(page, "[gauge.messages, gauge.moments().count, gauge.moments().mean, gauge.moments().max]"), [300, 300, 149.5, 299]);
    await tells(page, "missed", "0");
    await page.close();
  } finally {
    line.stop();
    await server.stop();
  }
});

test("a full server is asked again after as long as it says, and not before", { timeout: 120_000 }, async () => {
  const server = await serve(0, "--no-bridge", "--max-subscribers", "1");
  const line = await wire(server);
  const first = new AbortController();
  try {
    const held = await fetch(`${server.address}/sub?format=sse`, { signal: first.signal });
    assert.equal(held.status, 200);
    const refused = await fetch(`${server.address}/sub?format=sse`);
    assert.equal(refused.status, 503);
    const retryAfter = Number(refused.headers.get("retry-after"));
    assert.ok(retryAfter >= 1);
    const { page } = await open(browser, `${line.address}/#live?field=x`);
    await page.waitForFunction(() => /503: the limit max-subscribers 1 is reached; again in/.test(document.getElementById("live-status").textContent));
    await until(() => line.asked.length >= 3, "three attempts");
    first.abort();
    await state(page, "open");
    await server.publish(records(10));
    await messages(page, 10);
    const waits = line.asked.slice(1).map((at, i) => at - line.asked[i]);
    for (const wait of waits) assert.ok(wait >= 1000 * retryAfter - 20, `asked again after ${waits} ms`);
    await page.close();
  } finally {
    first.abort();
    line.stop();
    await server.stop();
  }
});

test("a server of another origin is followed if it allows that, and only then", { timeout: 120_000 }, async () => {
  const home = await serve();
  const [closed, open_] = await Promise.all([serve(), serve(0, "--cors-origin", home.address)]);
  const line = await wire(open_);
  try {
    const page = (await open(browser, `${home.address}/#live?field=x&address=${encodeURIComponent(closed.address)}`)).page;
    await page.waitForFunction(() => /^no connection; again in/.test(document.getElementById("live-status").textContent));
    await closed.publish(records(5));
    await pause(1000);
    assert.equal(await view(page, "gauge.messages"), 0);
    await page.click("#connect");
    await page.fill("#address", line.address);
    await page.click("#connect");
    await state(page, "open");
    // Before any message only the server's headers say where to go on: a page has to be let read them.
    line.cut();
    await state(page, "waiting");
    await open_.publish(records(5));
    line.mend();
    await messages(page, 5);
    // Last-Event-ID makes it a request that the browser asks leave for.
    line.cut();
    await state(page, "waiting");
    await open_.publish(records(5, 5));
    line.mend();
    await messages(page, 10);
    assert.deepEqual(await view(page, "[gauge.moments().mean, gaps.map((gap) => gap.lost)]"), [4.5, [undefined, undefined]]);
    await page.close();
  } finally {
    line.stop();
    await Promise.all([home, closed, open_].map((server) => server.stop()));
  }
});
