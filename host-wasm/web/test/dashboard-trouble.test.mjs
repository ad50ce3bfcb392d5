// What the page says of what goes wrong: requests that are refused, clients that are slow, streams that are not opened.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { axeFindsNothing, call, look, rows } from "./dashboard.mjs";
import { screenshots, server, stage, start, until } from "./support.mjs";

stage(start);

/** A subscriber that reads nothing. */
function sleeper(query) {
  const socket = connect(server.port, "127.0.0.1").on("error", () => {});
  socket.pause();
  socket.write(`GET /sub?${query} HTTP/1.1\r\nHost: t\r\n\r\n`);
  return socket;
}

const subscribers = async (topic) => JSON.parse(await call("GET", `/clients?topic=${topic}&format=json`)).clients.length;

test("what was refused is told with its reason, its words and how often", { timeout: 60_000 }, async () => {
  for (let i = 0; i < 3; i++) assert.equal((await fetch(`${server.address}/get?queue=jobs&lease=soon&secret=x`)).status, 400);
  const { page, errors } = await look("");
  await until(async () => (await rows(page, "Refused")).length === 1, "it is told");
  const [[last, ...rest]] = await rows(page, "Refused");
  assert.match(last, /^\d\d:\d\d:\d\d$/);
  assert.deepEqual(rest.slice(0, 2), ["3", "400"]);
  assert.deepEqual(rest.slice(3, 5), ["GET /get", "127.0.0.1"]);
  assert.match(rest[5], /lease/);
  assert.match(await page.textContent('section:has(h2:text("Refused")) .note'), new RegExp(`^Since the start: ${rest[2]} 3$`));
  assert.doesNotMatch(await page.textContent("body"), /secret/);
  assert.equal((await fetch(`${server.address}/put?queue=a%2Fb`, { method: "POST", body: "x" })).status, 400);
  await until(async () => (await rows(page, "Refused"))[0][4] === "POST /put", "the latest comes first");
  assert.deepEqual(errors, []);
  await page.close();
});

test("what was refused in other words is a row of its own", { timeout: 60_000 }, async () => {
  const put = (body) => fetch(`${server.address}/queues/z`, { method: "PUT", body });
  for (const body of ['{"lease":"abc"}', '{"bytes":"abc"}', '{"foo":"abc"}', '{"foo":"abc"}']) assert.equal((await put(body)).status, 400);
  const { page, errors } = await look("");
  const told = async () => (await rows(page, "Refused")).filter(([, , , , request]) => request === "PUT /queues/z");
  await until(async () => (await told()).length > 0, "it is told");
  assert.deepEqual((await told()).map(([, times, , , , , line]) => [times, /foo|bytes|lease/.exec(line)?.[0]]), [["2", "foo"], ["1", "bytes"], ["1", "lease"]]);
  assert.deepEqual(errors, []);
  await page.close();
});

test("however long a path is, why it was refused is beside it", { timeout: 60_000 }, async () => {
  assert.equal((await fetch(`${server.address}/topics/${"long".repeat(50)}`)).status, 400);
  for (const width of [1280, 390]) {
    const { page, errors } = await look("", { viewport: { width, height: 844 } });
    await until(async () => (await rows(page, "Refused")).some(([, , , , request]) => request.includes("longlong")), "it is told");
    const beyond = await page.$eval('[aria-label="Refused"]', (region) => region.scrollWidth - region.clientWidth);
    assert.ok(beyond <= 0, `at ${width} it is ${beyond} wider than there is room for`);
    await page.screenshot({ path: join(screenshots, `dashboard-refused-${width}.png`), fullPage: true });
    assert.deepEqual(errors, []);
    await page.close();
  }
});

test("who is behind and who was sent away is at first sight, and dead letters are marked", { timeout: 60_000 }, async () => {
  const patient = sleeper("topic=wide&policy=skip&client=archive");
  const doomed = sleeper("topic=wide&max_lag=100000&client=report");
  await until(async () => (await subscribers("wide")) === 2, "they subscribe");
  await call("PUT", "/queues/letters", '{"max_attempts":1}');
  await call("POST", "/put?queue=letters", "letter");
  const [, token] = /"lease":"([^"]+)"/.exec(await call("GET", "/mget?queue=letters&items=1&lease=30"));
  await call("POST", `/nack?queue=letters&lease=${token}`);
  const { page, errors } = await look("");
  const find = async (name) => (await rows(page, "Slow clients")).find(([who]) => who.startsWith(`${name}, 127.0.0.1:`));
  const message = "x".repeat(500_000);
  await until(async () => {
    await call("POST", "/pub?topic=wide", message);
    return (await find("report")) && (await find("archive"));
  }, "both are told");
  const [, topic, , , , fate] = await find("report");
  assert.equal(topic, "wide");
  assert.match(fate, /^sent away at \d\d:\d\d:\d\d: too slow$/);
  const [, , policy, behind, , what] = await find("archive");
  assert.deepEqual([policy, what], ["skip", "goes on"]);
  assert.match(behind, /[KM]iB$/);
  assert.equal(await page.textContent('[aria-label="Queues"] tr:has(a:text("letters")) .wrong'), "1");
  await page.screenshot({ path: join(screenshots, "dashboard-trouble.png"), fullPage: true });
  await axeFindsNothing(page, "trouble");
  await page.evaluate(() => (location.hash = "#/topics/wide"));
  await until(async () => (await rows(page, "Sent away"))[0]?.[1] === "report", "its own page names it too");
  await page.goBack();
  patient.destroy();
  doomed.destroy();
  await until(async () => !(await find("archive")), "who has gone is not told");
  assert.deepEqual(errors, []);
  await page.close();
});

test("an address with a % that encodes nothing is shown as it is, and the page goes on", { timeout: 60_000 }, async () => {
  for (const [hash, name] of [["#/topics/%", "%"], ["#/queues/50%25%", "50%25%"]]) {
    const { page, errors } = await look(hash);
    assert.equal(await page.textContent("h1 code"), name);
    await page.click('a:text("everything")');
    await page.waitForSelector(".tiles");
    assert.deepEqual(errors.filter((error) => !/40[04]/.test(error)), []);
    await page.close();
  }
});

test("a stream that is refused says why, and is opened when there is room", { timeout: 60_000 }, async () => {
  await call("PUT", "/topics/narrow", '{"max_subscribers":1}');
  const first = sleeper("topic=narrow");
  await until(async () => (await subscribers("narrow")) === 1, "one subscribes");
  const { page } = await look("#/topics/narrow");
  await until(async () => /subscribers/.test(await page.textContent(".card .note")), "why there is no stream");
  first.destroy();
  await until(async () => /messages as they come/.test(await page.textContent(".card .note")), "it is opened");
  await page.fill("textarea", "one\ntwo\nthree");
  await page.click("text=Publish >> nth=-1");
  // All that is published at once is there.
  await until(async () => (await page.locator(".tail li").allTextContents()).map((text) => text.replace(/^\d+/, "")).join() === "three,two,one", "all of it comes");
  await page.close();
});
