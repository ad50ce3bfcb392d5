// The live view on topics, and on the queues that they feed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { messages, records, shown, state, tells, view } from "./following.mjs";
import { browser, files, open, pause, serve, server, stage, until, wire, www } from "./support.mjs";

stage();

/** Asks the server; a refusal fails the test. */
async function call(path, body, method = body === undefined ? "GET" : "POST", at = server) {
  const answer = await fetch(`${at.address}/${path}`, { method, body });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.text();
}
const put = (path, settings) => call(path, JSON.stringify(settings), "PUT");
const publish = (topic, lines) => call(`pub?topic=${topic}`, lines.join("\n"));
const hash = (page) => page.evaluate(() => location.hash);

/** The queues that the page shows, with those of their counters that aren't 0. */
const queues = (page) => page.$$eval("#queues .queue", (all) => Object.fromEntries(all.map((queue) => [queue.dataset.queue, Object.fromEntries([...queue.querySelectorAll("[data-value]")].map((one) => [one.dataset.value, one.textContent]).filter(([, value]) => value !== "0"))])));
const queuesAre = async (page, wanted) => {
  let found;
  await until(async () => JSON.stringify(found = await queues(page)) === JSON.stringify(wanted), JSON.stringify(wanted)).catch((error) => assert.deepEqual(found, wanted, error.message));
};

test("a topic is followed by its name, beside the queues that it feeds", { timeout: 90_000 }, async () => {
  await put("queues/jobs", { topic: "clicks", max_attempts: 1 });
  await put("queues/last-ten", { topic: "clicks", max_depth: 10 });
  const { page, errors, requests } = await open(browser, `${server.address}/#live?topic=clicks&field=x`);
  await state(page, "open");
  assert.match(await page.textContent("#live-hint"), new RegExp(`curl -d 3.14 '${server.address}/pub\\?topic=clicks'`));
  await publish("main", records(7));
  await publish("clicks", records(30));
  await page.click("#publish");
  await messages(page, 130);
  assert.equal(await view(page, "measured.messages"), 130);
  await tells(page, "received", "130");
  await queuesAre(page, { jobs: { ready: "130", accepted: "130" }, "last-ten": { ready: "10", overflow: "120", accepted: "130" } });
  assert.ok(await page.isVisible('[data-queue="last-ten"] .alarm [data-value="overflow"]'));
  assert.ok(await page.isHidden('[data-queue="jobs"] .alarm'));
  // Every place where an item may be.
  await call("mget?queue=jobs&items=2&lease=0.2");
  await pause(300);
  await call("mget?queue=jobs&items=5&lease=60");
  const lent = JSON.parse(await call("mget?queue=jobs&items=1&lease=60"));
  await call(`ack?queue=jobs&lease=${lent.lease}`);
  await call("get?queue=jobs");
  await call("put?queue=jobs&delay=60&data=later");
  await queuesAre(page, { jobs: { ready: "121", leased: "5", delayed: "1", dead: "2", acked: "1", delivered: "1", accepted: "131" }, "last-ten": { ready: "10", overflow: "120", accepted: "130" } });
  assert.ok(await page.isVisible('[data-queue="jobs"] .alarm [data-value="dead"]'));
  // As often as the server's counters.
  const asked = () => requests.filter((url) => url.endsWith("/queues/jobs")).length;
  const before = asked();
  await pause(4000);
  assert.ok(asked() - before >= 2 && asked() - before <= 5, `${asked() - before} questions in 4 s`);
  // One that is removed goes from the page too, and isn't asked for again and again.
  assert.deepEqual(errors, []);
  await call("queues/last-ten", undefined, "DELETE");
  await until(async () => Object.keys(await queues(page)).join() === "jobs", "one queue");
  await pause(2500);
  assert.equal(errors.length, 1, errors.join());
  assert.match(errors[0], /404/);
  await page.close();
});

test("a topic that feeds no queue is shown beside the main one, and many beside the first of them", { timeout: 60_000 }, async () => {
  const { page, errors } = await open(browser, `${server.address}/#live?topic=lonely`);
  await state(page, "open");
  await until(async () => Object.keys(await queues(page)).join() === "main", "the main queue");
  assert.match(await page.textContent("#queues"), /^Queue main\s*fed by main/);
  for (let i = 0; i < 6; i++) await put(`queues/many-${i}`, { topic: "many" });
  await page.fill("#topic", "many");
  await page.press("#topic", "Enter");
  await until(async () => Object.keys(await queues(page)).join() === "many-0,many-1,many-2,many-3", "four queues");
  assert.match(await page.textContent("#queues"), /and 2 more$/);
  assert.deepEqual(errors, []);
  await page.close();
});

test("a queue that is asked for is shown alone, and changes nothing of what is measured", { timeout: 60_000 }, async () => {
  await put("queues/fed", { topic: "numbers" });
  await call("put?queue=other&data=a");
  const { page, errors } = await open(browser, `${server.address}/#live?topic=numbers&field=x`);
  await state(page, "open");
  await publish("numbers", records(10));
  await messages(page, 10);
  await page.fill("#queue", " other ");
  await page.press("#queue", "Enter");
  await queuesAre(page, { other: { ready: "1", accepted: "1" } });
  assert.equal(await view(page, "measured.messages"), 10);
  assert.equal(await hash(page), "#live?topic=numbers&queue=other&field=x");
  assert.deepEqual(errors, []);
  // What the server says of a name that is none, or nobody's; and asking makes no queue of it.
  for (const [name, says] of [["never", "there is no queue never"], ["a/b", /^queue: a name has 1 to 64 of the characters/]]) {
    await page.fill("#queue", name);
    await page.press("#queue", "Enter");
    await until(async () => ((text) => (typeof says === "string" ? text === says : says.test(text)))(await page.textContent("#queues")), String(says));
    assert.ok(await page.isVisible("#queues"));
  }
  assert.ok(!(await call("queues")).includes('"never"'));
  await page.fill("#queue", "");
  await page.press("#queue", "Enter");
  await queuesAre(page, { fed: { ready: "10", accepted: "10" } });
  // The same of a topic, where the connection is told of.
  await page.fill("#topic", "a/b");
  await page.press("#topic", "Enter");
  await page.waitForFunction(() => /^400: topic: a name has 1 to 64/.test(document.getElementById("live-status").textContent));
  assert.ok(await page.isHidden("#queues"));
  await page.close();
});

test("a server without queues, or with broken ones, is followed as any other, and shows none", { timeout: 90_000 }, async () => {
  const failures = {
    absent: (route) => route.fulfill({ status: 404 }),
    failing: (route) => route.fulfill({ status: 500, body: "out of order" }),
    "no JSON": (route) => route.fulfill({ body: "none" }),
    null: (route) => route.fulfill({ body: "null" }),
    other: (route) => route.fulfill({ json: [null, 1, { name: "main" }, { name: "main", settings: null, counters: null }] }),
    cut: (route) => route.abort(),
    silent: () => {},
  };
  await Promise.all(Object.entries(failures).map(async ([name, fail]) => {
    const page = await browser.newPage();
    const [errors, asked] = [[], []];
    page.on("pageerror", (error) => errors.push(String(error)));
    await page.route("**/queues*", (route) => { asked.push(name); return fail(route); });
    await page.goto(`${server.address}/#live?topic=${name.replace(" ", "-")}&field=x`);
    await state(page, "open");
    await until(() => asked.length > 0, `${name}: a question`);
    await publish(name.replace(" ", "-"), records(10));
    await messages(page, 10);
    await pause(2500);
    assert.equal(asked.length, 1, name);
    assert.ok(await page.isHidden("#queues"), name);
    assert.equal(await page.getAttribute("#live-status", "data-state"), "open", name);
    assert.deepEqual(errors, [], name);
    await page.close();
  }));
});

test("what is followed stands in the page's address, which keeps it through a reload", { timeout: 60_000 }, async () => {
  const { page, errors } = await open(browser, `${server.address}/#live`);
  await state(page, "open");
  assert.equal(await hash(page), "#live");
  await page.fill("#topic", "kept");
  await page.fill("#number-field", "x");
  await page.fill("#live-to", "w");
  await page.fill("#queue", "main");
  await page.press("#topic", "Enter");
  await state(page, "open");
  const kept = "#live?topic=kept&queue=main&field=x&to=w";
  assert.equal(await hash(page), kept);
  // Also from one view to another and back.
  await page.click("#tab-graph");
  await page.click("#tab-live");
  assert.equal(await hash(page), kept);
  await page.reload();
  await state(page, "open");
  const fields = () => page.$$eval("#address, #topic, #queue, #number-field, #live-from, #live-to", (all) => Object.fromEntries(all.map((one) => [one.id, one.value])));
  assert.deepEqual(await fields(), { address: `${server.address}/`, topic: "kept", queue: "main", "number-field": "x", "live-from": "r", "live-to": "w" });
  await publish("kept", ['{"x":5}']);
  await messages(page, 1);
  assert.equal(await view(page, "measured.moments().mean"), 5);
  // An address that somebody follows within the page is one as well.
  await page.evaluate(() => (location.hash = "#live?topic=linked"));
  await until(async () => (await fields()).topic === "linked", "the topic of the link");
  await state(page, "open");
  await publish("linked", ["1", "2"]);
  await messages(page, 2);
  assert.deepEqual(await fields(), { address: `${server.address}/`, topic: "linked", queue: "", "number-field": "", "live-from": "r", "live-to": "u" });
  // An empty topic is the main one.
  await page.fill("#topic", "");
  await page.press("#topic", "Enter");
  assert.deepEqual([await hash(page), (await fields()).topic], ["#live", "main"]);
  assert.deepEqual(errors, []);
  await page.close();
});

test("an address needs no http://, and one that is none is said to be", { timeout: 60_000 }, async () => {
  const plain = await files(www);
  const other = await serve(0, "--cors-origin", plain.address);
  try {
    const { page, errors } = await open(browser, `${plain.address}/#live?field=x`);
    assert.equal(await page.textContent("#live-status"), "not connected");
    await page.fill("#address", ` localhost:${other.port}`);
    await page.press("#address", "Enter");
    await state(page, "open");
    assert.equal(await page.inputValue("#address"), `http://localhost:${other.port}`);
    await other.publish(["{\"x\":1}"]);
    await messages(page, 1);
    // Whoever has no server of its own keeps the one that it found.
    await page.reload();
    await state(page, "open");
    assert.equal(await page.inputValue("#address"), `http://localhost:${other.port}`);
    await page.fill("#address", "a:b:c");
    await page.press("#address", "Enter");
    await page.waitForFunction(() => document.getElementById("live-status").textContent === "http://a:b:c is no address");
    assert.equal(await page.textContent("#connect"), "Connect");
    assert.deepEqual(errors, []);
    await page.close();
  } finally {
    plain.stop();
    await other.stop();
  }
});

test("what left the log of a server that began anew is the least that is missing", { timeout: 90_000 }, async () => {
  const small = ["--log-bytes", "65536", "--max-body-bytes", "16384", "--max-message-bytes", "1024"];
  let first = await serve(0, ...small);
  const line = await wire(first);
  try {
    const { page } = await open(browser, `${line.address}/#live?field=x`);
    await state(page, "open");
    await first.publish(records(10));
    await messages(page, 10);
    line.cut();
    await state(page, "waiting");
    await first.stop();
    first = await serve(first.port, ...small);
    for (let i = 0; i < 25; i++) await first.publish(records(200, 200 * i));
    line.mend();
    await state(page, "open");
    await until(() => view(page, "measured.moments().max === 4999"), "the last message");
    const lost = 5010 - (await view(page, "measured.messages"));
    assert.ok(lost > 1000 && lost < 5000, `${lost} lost`);
    assert.deepEqual(await view(page, "gaps.map(({ lost, unknown }) => [lost, unknown])"), [[lost, true]]);
    await tells(page, "missed", `≥ ${lost.toLocaleString("en")}`);
    await page.close();
  } finally {
    line.stop();
    await first.stop();
  }
});

test("a topic that is removed is no longer followed, and not made again", { timeout: 60_000 }, async () => {
  const { page, errors } = await open(browser, `${server.address}/#live?topic=fleeting`);
  await state(page, "open");
  await call("topics/fleeting", undefined, "DELETE");
  await state(page, "closed");
  assert.equal(await page.textContent("#live-status"), "the topic was removed");
  assert.equal(await page.textContent("#connect"), "Connect");
  await pause(1500);
  assert.ok(!(await call("topics")).includes('"fleeting"'));
  assert.equal(await shown(page, "subscribers"), "–");
  assert.deepEqual(errors, []);
  await page.click("#connect");
  await state(page, "open");
  await page.close();
});
