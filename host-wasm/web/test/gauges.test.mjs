// Gauges: of the module, the same as natively and on a server; and on the page, set up, watched and removed.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { browser, nativeNumbers, open, pause, screenshots, serve, server, stage, until } from "./support.mjs";

stage();

/** Asks the server; a refusal fails the test. */
async function call(path, body, method = body === undefined ? "GET" : "POST", at = server) {
  const answer = await fetch(`${at.address}/${path}`, { method, body });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}
const text = async (...asked) => (await call(...asked)).text();
const put = (name, definition, at) => call(`gauges/${name}`, JSON.stringify(definition), "PUT", at);
const publish = (topic, lines, at) => call(`pub?topic=${topic}`, lines.join("\n"), "POST", at);

/** Records with everything that a gauge measures; some can't be measured. */
const records = (n, from = 0) => Array.from({ length: n }, (_, i) => from + i).map((i) =>
  i % 50 === 49 ? "no JSON" : JSON.stringify({ t: ((i * 7919) % 1009) / 100, u: ((i * 31) % 97) / 10, c: ["US", "DE", "FR", "<i>&\"é"][(i % 7) % 4], k: `k${(i * i) % 83}`, at: 1_700_000_000_000 + 20 * i }));

/** What the page of a watched gauge has: the data of its plots, and its readings. */
const watched = (page) => page.evaluate(() => {
  const { watch } = document.getElementById("gauges-view");
  return watch && { name: watch.name, panes: watch.panes, now: watch.now, data: Object.fromEntries(Object.entries(watch.data).map(([measure, data]) => [measure, data?.map((column) => [...column])])) };
});
const listed = (page) => page.$$eval("#gauges [data-gauge]", (all) => all.map((one) => one.dataset.gauge));
const following = (page) => page.waitForSelector('#gauge-status[data-state="open"]');

test("gauges in the browser are those that the core computes natively, byte for byte", { timeout: 240_000 }, async () => {
  const { messages, each } = nativeNumbers().gauges;
  const { page, errors } = await open(browser, `${server.address}/#statistics`);
  const found = await page.evaluate(({ messages, definitions }) => {
    const { Gauge } = globalThis.streamgauge;
    const bytes = new TextEncoder();
    const end = 1_700_000_000_000 + 37 * 3000;
    return definitions.map((definition) => {
      const gauge = new Gauge(definition, "latency");
      const told = [];
      messages.forEach(([came, message], i) => {
        told.push(...gauge.close(came).map(({ line }) => line));
        // Strings and bytes are the same.
        gauge.take(i % 2 ? message : bytes.encode(message), came);
      });
      told.push(...gauge.close(end).map(({ line }) => line));
      const read = ["json", "svg", "definition"].map((format) => gauge.read(format, end));
      const binary = [...gauge.toBinary(end)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      return { definition, told, read, binary };
    });
  }, { messages, definitions: each.map(({ definition }) => definition) });
  assert.deepEqual(found, each);
  // There was something to compare.
  assert.deepEqual(each.map(({ told }) => told.length > 4), [true, true, false, false, true]);
  assert.ok(each[0].told.some((line) => line.includes('"state":"begins"')), "a rule begins");
  for (const { read: [json, svg], binary } of each) assert.ok(json.length > 500 && svg.endsWith("</svg>\n") && binary.startsWith("53474731"), json);
  assert.deepEqual(errors, []);
  await page.close();
});

test("the same messages give the same bytes on a server and in the page, and add up on either", { timeout: 60_000 }, async () => {
  // The messages say when they were: the server's clock decides nothing.
  const definition = { topic: "same", field: "t", with: "u", by: "c", groups: 4, time: "at", every: "5s", last: "1m", measure: ["moments", "quantiles", "distinct", "top", "pair", "graph", "change"] };
  await put("same", definition);
  const lines = records(2000);
  await publish("same", lines);
  const panes = async () => (await text("sub?topic=gauge.same&from=first&follow=0&multipart=0")).trim().split("\n").filter(Boolean);
  await until(async () => (await panes()).length === 7, "seven panes");
  const binary = [...new Uint8Array(await (await call("gauges/same?format=binary")).arrayBuffer())];
  const { page, errors } = await open(browser, `${server.address}/#statistics`);
  const found = await page.evaluate(({ definition, lines, binary }) => {
    const { Gauge } = globalThis.streamgauge;
    const gauge = new Gauge(JSON.stringify(definition), "same");
    const told = [];
    for (const line of lines) {
      told.push(...gauge.close(Date.now()).map(({ line }) => line));
      gauge.take(line, Date.now());
    }
    told.push(...gauge.close(Date.now()).map(({ line }) => line));
    const here = gauge.toBinary(Date.now());
    const other = new Gauge(JSON.stringify({ ...definition, topic: "elsewhere" }), "sum");
    other.merge(here, Date.now());
    other.merge(new Uint8Array(binary), Date.now());
    const { count, mean } = JSON.parse(other.read("json", Date.now()));
    return { told, binary: [...here], count, mean, once: JSON.parse(gauge.read("json", Date.now())).mean };
  }, { definition, lines, binary });
  assert.deepEqual(found.told, await panes());
  assert.deepEqual(found.binary, binary);
  assert.equal(found.count, 2 * 1960);
  assert.equal(found.mean, found.once);
  assert.deepEqual(errors, []);
  await page.close();
});

test("a gauge of the module refuses in one line, within its bound, and tells rules with their topics", { timeout: 60_000 }, async () => {
  const { page, errors } = await open(browser, `${server.address}/#statistics`);
  const found = await page.evaluate(() => {
    const { Gauge } = globalThis.streamgauge;
    const refused = (make) => { try { make(); return "taken"; } catch (error) { return error.message; } };
    const gauge = new Gauge('{"field":"x","measure":["moments","rate"],"every":"1s","when":{"mean >":1,"to":"alerts"}}');
    const told = [];
    for (let i = 0; i < 30; i++) {
      told.push(...gauge.close(1000 + 100 * i).map(({ line, to }) => [to, JSON.parse(line)]));
      gauge.take(`{"x":${i}}`, 1000 + 100 * i);
    }
    const [over, next] = [gauge.isOver(4000), gauge.nextOver];
    told.push(...gauge.close(5000).map(({ line, to }) => [to, JSON.parse(line)]));
    const untold = new Gauge('{"measure":"rate","every":"1s"}');
    untold.take("a", 1000);
    untold.take("b", 5000);
    return {
      alerts: told.filter(([, { rule }]) => rule), readings: told.filter(([to, { rule }]) => !rule && to === undefined).map(([, { messages }]) => messages),
      over, next, overThen: gauge.isOver(5000), bytes: gauge.bytes,
      untold: JSON.parse(untold.read("json", 5000)).counters.untold,
      refused: [
        refused(() => new Gauge('{"measure":"rate","accuracy":2}')), refused(() => new Gauge("[]")), refused(() => new Gauge('{"measure":"distinct"}', "x", 100)),
        refused(() => gauge.read("xml", 0)), refused(() => gauge.merge(new Uint8Array([1, 2]), 0)), refused(() => gauge.merge(untold.toBinary(5000), 5000)),
      ],
    };
  });
  assert.equal(found.alerts.length, 1);
  assert.equal(found.alerts[0][0], "alerts");
  assert.equal(found.alerts[0][1].state, "begins");
  assert.deepEqual(found.readings, [10, 10, 10]);
  assert.deepEqual([found.over, found.next, found.overThen], [true, 4000, false]);
  assert.ok(found.bytes > 300 && found.bytes < 4000, `${found.bytes}`);
  assert.ok(found.untold >= 1, `${found.untold}`);
  const [accuracy, list, room, format, merge, different] = found.refused;
  assert.equal(accuracy, "accuracy must be a relative error from 0.0001 to 0.5");
  assert.match(list, /^the body must be a JSON object/);
  assert.equal(room, "there is no room for what the gauge would keep");
  assert.equal(format, "format must be json, svg or definition");
  assert.match(merge, /^this is not the binary form of a gauge/);
  assert.match(different, /^it measures something else/);
  assert.deepEqual(errors, []);
  await page.close();
});

test("a gauge is set up, watched and removed through the page; a wrong one shows the server's line", { timeout: 90_000 }, async () => {
  const { page, errors } = await open(browser, `${server.address}/#gauges`);
  const known = await listed(page);
  await page.fill("#gauge-topic", "clicks");
  await page.fill("#gauge-field", "t");
  await page.fill("#gauge-by", "c");
  await page.fill("#gauge-every", "a while");
  await page.click("#gauge-set");
  assert.equal(await page.textContent("#gauge-refused"), "name must be given");
  await page.fill("#gauge-name", "latency");
  await page.click("#gauge-set");
  // What the server says, where the mistake is.
  const line = async (definition) => (await (await fetch(`${server.address}/gauges/latency`, { method: "PUT", body: JSON.stringify(definition) })).text()).trim();
  const refused = await line({ topic: "clicks", measure: "rate", every: "a while" });
  assert.match(refused, /^every must be/);
  await until(async () => (await page.textContent("#gauge-refused")) === refused, refused);
  assert.equal(await page.getAttribute("#gauge-every", "aria-invalid"), "true");
  assert.equal(await page.evaluate(() => document.activeElement.id), "gauge-every");
  assert.ok(await page.$eval("label:has(#gauge-every)", (label) => label.contains(document.getElementById("gauge-refused"))));
  await page.fill("#gauge-every", "1s");
  await page.fill("#gauge-when", "p99 > 5");
  await page.fill("#gauge-until", "nothing");
  await page.press("#gauge-until", "Enter");
  await until(async () => /^when.until must be|^when/.test(await page.textContent("#gauge-refused")), "a refused rule");
  await page.fill("#gauge-until", "4");
  // One that is wrong as JSON.
  await page.click("#gauge-form summary");
  const json = await page.inputValue("#gauge-json");
  assert.deepEqual(JSON.parse(json), { topic: "clicks", measure: ["moments", "quantiles", "distinct", "top", "rate"], field: "t", by: "c", every: "1s", last: "5m", when: { "p99 >": 5, until: 4 } });
  await page.fill("#gauge-json", json.replace('"by"', '"buy"'));
  await page.click("#gauge-set");
  await until(async () => (await page.textContent("#gauge-refused")) === 'there is no setting "buy"', "no such setting");
  await page.fill("#gauge-json", json);
  await page.click("#gauge-set");
  await following(page);
  assert.deepEqual(await listed(page), [...known, "latency"].sort());
  assert.equal(await page.evaluate(() => location.hash), "#gauges?watch=latency");
  assert.deepEqual(JSON.parse(await text("gauges/latency?format=definition")).when, [JSON.parse(json).when]);
  // Who publishes other things among its readings changes nothing.
  await publish("gauge.latency", ["nonsense", "null", '{"gauge":"other","messages":7}']);
  // Three panes, and what the page plots of them.
  for (let i = 0; i < 3; i++) {
    await publish("clicks", records(400, 400 * i));
    await pause(1100);
  }
  const told = async () => (await text("sub?topic=gauge.latency&from=first&follow=0&multipart=0")).trim().split("\n").filter((one) => one.startsWith('{"gauge":"latency"')).map((one) => JSON.parse(one));
  await until(async () => ((await watched(page)).data.quantiles?.[1] ?? []).filter((value) => value !== null).length >= 3, "three panes that are plotted");
  const { panes, data } = await watched(page);
  const readings = (await told()).filter(({ rule }) => !rule);
  assert.deepEqual(panes, readings.slice(0, panes.length));
  const shown = data.messages[0].length;
  const column = (of) => readings.slice(0, shown).map(of);
  assert.ok(shown >= 3);
  assert.deepEqual(data.messages, [column(({ to }) => Date.parse(to) / 1000), column(({ messages }) => messages)]);
  assert.deepEqual(data.quantiles.slice(1), ["p50", "p90", "p99", "p999"].map((q) => column((reading) => reading[q])));
  assert.deepEqual(data.rate.slice(1), [1, 5, 15].map((minutes) => column(({ rate }) => rate[`messages_${minutes}m`])));
  assert.deepEqual(data.distinct[1], column(({ distinct }) => distinct.estimate));
  assert.deepEqual(data.distinct[2], column(({ distinct }) => distinct.estimate * (1 + 2 * distinct.error)));
  assert.deepEqual(data.distinct[3], column(({ distinct }) => distinct.estimate * (1 - 2 * distinct.error)));
  // What it measures now, to the digit that is shown.
  const now = JSON.parse(await text("gauges/latency?format=json"));
  assert.equal(now.count, 1176);
  const tile = (id) => page.textContent(`#gauge-watched [data-value="${id}"]`);
  await until(async () => (await tile("count")) === "1,176", "all numbers");
  for (const id of ["mean", "stddev", "min", "max", "skewness", "kurtosis"]) assert.equal(Number((await tile(id)).replace("−", "-")).toPrecision(4), now[id].toPrecision(4), id);
  assert.match(await page.textContent("#gauge-losses"), /^1,200 messages came: 24 not json\.$/);
  assert.match(await page.textContent("#gauge-alerts"), /p99 > 5 begins: /);
  const top = () => page.$$eval(".bars li", (all) => all.map((li) => [...li.children].map((one) => one.textContent)));
  const bounds = ({ value, count, error }) => [String(value), "", error ? `${count - error} to ${count}` : String(count)];
  assert.deepEqual(await top(), now.top.slice(0, 15).map(bounds));
  const [widest, certain] = await page.evaluate(() => { const share = document.querySelector(".bars li .share"), whole = share.firstChild, part = whole.firstChild; return [whole.getBoundingClientRect().width / share.getBoundingClientRect().width, part.getBoundingClientRect().width / whole.getBoundingClientRect().width]; });
  assert.ok(Math.abs(widest - 1) < 0.01 && Math.abs(certain - (now.top[0].count - now.top[0].error) / now.top[0].count) < 0.01, `${widest} ${certain}`);
  // A group.
  const group = '<i>&"é';
  assert.deepEqual((await page.$$eval("#gauge-group option", (all) => all.map((one) => one.textContent))).sort(), ["all messages", ...Object.keys(now.groups), "in none of them"].sort());
  await page.selectOption("#gauge-group", { label: group });
  await until(async () => (await tile("count")) === now.groups[group].count.toLocaleString("en"), "the group's numbers");
  assert.deepEqual((await watched(page)).data.quantiles[2].filter((value) => value !== null), readings.filter(({ groups }) => groups[group]?.p90 != null).map(({ groups }) => groups[group].p90));
  assert.match(await page.evaluate(() => location.hash), /watch=latency&group=group/);
  // The picture that the server gives.
  assert.match(await page.getAttribute('.forms a:has-text("svg")', "href"), /gauges\/latency\?format=svg$/);
  await page.screenshot({ path: join(screenshots, "gauges-watched.png"), fullPage: true });
  // Removed, but not by one click.
  await page.click("#gauge-remove");
  await page.keyboard.press("Escape");
  assert.ok((await listed(page)).includes("latency"));
  await page.click("#gauge-remove");
  await page.click("#gauge-remove-sure");
  await until(async () => JSON.stringify(await listed(page)) === JSON.stringify(known), "it is removed");
  assert.ok(await page.isVisible("#gauges-hint"));
  assert.equal((await fetch(`${server.address}/gauges/latency`)).status, 404);
  assert.equal(await page.evaluate(() => location.hash), "#gauges");
  assert.deepEqual(errors.filter((error) => !/400|404/.test(error)), []);
  await page.close();
});

test("what others publish among a gauge's readings is no reason to follow it anew", { timeout: 60_000 }, async () => {
  await put("shared", { topic: "shared", measure: ["rate"], every: "1s" });
  const { page, errors, requests } = await open(browser, `${server.address}/#gauges?watch=shared`);
  await following(page);
  const pane = async () => {
    const before = (await watched(page)).panes.length;
    await publish("shared", ["a"]);
    await until(async () => (await watched(page)).panes.length > before, "a pane");
  };
  await pane();
  await publish("gauge.shared", ['{"gauge":"shared","rule":null}', '{"gauge":"shared"}', '{"gauge":"shared","counters":7}', '{"gauge":"shared","counters":{}}']);
  await pane();
  const ends = (await watched(page)).panes.map(({ to }) => to);
  assert.deepEqual(ends, [...new Set(ends)].filter(Boolean));
  assert.equal(requests.filter((url) => url.includes("/sub?topic=gauge.shared")).length, 1);
  assert.deepEqual(errors, []);
  await page.close();
});

test("what is no longer watched is not kept", { timeout: 60_000 }, async () => {
  for (const name of ["first", "second"]) await put(name, { topic: "t", measure: ["rate", "quantiles"], every: "1s" });
  const { page } = await open(browser, `${server.address}/#gauges?watch=first`);
  // A handle would hold it.
  await (await following(page)).dispose();
  await page.evaluate(() => (globalThis.left = new WeakRef(document.getElementById("gauges-view").watch)));
  await page.click('[data-gauge="second"]');
  await until(async () => (await watched(page)).name === "second", "the other one");
  await until(async () => {
    await page.requestGC();
    return page.evaluate(() => globalThis.left.deref() === undefined);
  }, "the first one is gone");
  await page.close();
});

test("what the server refuses is said in its words: a list, and a gauge that is to be removed", { timeout: 60_000 }, async () => {
  await put("kept", { topic: "t", measure: ["rate"], every: "1s" });
  const { page } = await open(browser, `${server.address}/#gauges?watch=kept`);
  await following(page);
  let refusal = { status: 403, body: "the token may not do this\n" };
  await page.route("**/gauges/kept", (route) => (route.request().method() === "DELETE" ? route.fulfill(refusal) : route.continue()));
  await page.click("#gauge-remove");
  await page.click("#gauge-remove-sure");
  await page.waitForSelector('dialog[open] [role="alert"] >> text=the token may not do this');
  await page.keyboard.press("Escape");
  await page.click("#gauge-remove");
  assert.equal(await page.textContent('dialog [role="alert"]'), "");
  await page.keyboard.press("Escape");
  await page.route(/\/gauges$/, (route) => route.fulfill(refusal));
  for (const [next, says] of [[refusal, "the token may not do this"], [{ status: 503, body: "no room" }, "no room"], [{ status: 404, body: "<html>" }, "this page's server has no gauges"], [{ body: "<html>" }, "this page's server has no gauges"]]) {
    refusal = next;
    await until(async () => (await page.textContent("#gauges-say")) === says, says);
  }
  await page.close();
});

test("a gauge of another name has nothing of the one that was to be changed", { timeout: 60_000 }, async () => {
  await put("model", { topic: "t", field: "x", filter: "c:DE", measure: ["rate"], every: "1s" });
  const { page, errors } = await open(browser, `${server.address}/#gauges?watch=model`);
  await page.click("#gauge-change");
  const json = async () => JSON.parse(await page.inputValue("#gauge-json"));
  assert.ok("filter" in (await json()));
  await page.fill("#gauge-name", "other");
  assert.deepEqual(await json(), { topic: "t", field: "x", measure: ["rate"], every: "1s" });
  await page.fill("#gauge-name", "model");
  assert.ok("filter" in (await json()));
  // What somebody has written is not written anew with each letter of the name.
  await page.fill("#gauge-name", "a");
  await page.click("#gauge-form summary");
  await page.fill("#gauge-json", '{"measure":"rate"}');
  await page.fill("#gauge-name", "ab");
  assert.deepEqual(await json(), { measure: "rate" });
  assert.deepEqual(errors, []);
  await page.close();
});

test("names as long as they may be leave a phone its width", { timeout: 60_000 }, async () => {
  const long = "g".repeat(56);
  await put(long, { topic: "t".repeat(64), field: "f".repeat(64), by: "b".repeat(64), measure: ["rate"], every: "1s" });
  const { page } = await open(browser, `${server.address}/#gauges?watch=${long}`, { viewport: { width: 390, height: 844 } });
  await following(page);
  await page.screenshot({ path: join(screenshots, "gauges-long-390.png"), fullPage: true });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await page.click("#gauge-remove");
  assert.ok(await page.$eval("dialog[open]", (dialog) => dialog.scrollWidth <= dialog.clientWidth && dialog.getBoundingClientRect().right <= innerWidth));
  await page.close();
});

test("every measure has a plot, also without panes, and one that is changed begins anew", { timeout: 60_000 }, async () => {
  const all = ["moments", "quantiles", "distinct", "top", "histogram", "rate", "change", "pair", "graph"];
  await put("all", { topic: "all", field: "t", with: "u", measure: all, histogram: { min: 0, max: 5, bins: 10 } });
  await publish("all", records(500));
  const { page, errors } = await open(browser, `${server.address}/#gauges?watch=all`);
  await until(async () => (await page.textContent('#gauge-watched [data-value="count"]').catch(() => "")) === "490", "all numbers");
  const now = JSON.parse(await text("gauges/all?format=json"));
  const { data } = await watched(page);
  assert.ok(data.quantiles[0].length >= 1);
  assert.equal(data.quantiles[1].at(-1), now.p50);
  assert.equal(data.pair[1].at(-1), now.pair.correlation);
  assert.deepEqual([data.change[1].at(-1), data.change[2].at(-1)], [now.change.up, now.change.down]);
  const titles = await page.$$eval("#gauge-watched h3", (titles) => titles.map((title) => title.firstChild.textContent));
  assert.deepEqual(titles, ["Gauge all", "Moments", "Quantiles", "Distinct values", "Most frequent", "Histogram", "Rate", "Changes of the mean", "Correlation", "Regression", "Top edges"]);
  assert.match(await page.textContent("#gauge-watched"), new RegExp(`Histogram${now.histogram.below} below, ${now.histogram.above} above`));
  assert.ok((await page.locator("#gauge-watched .net path").count()) > 10);
  await page.click("#gauge-change");
  assert.equal(await page.inputValue("#gauge-topic"), "all");
  assert.equal(await page.inputValue("#gauge-histogram"), "0 5 10");
  await page.uncheck("#gauge-measure-graph");
  await page.uncheck("#gauge-measure-pair");
  // What it has measured is lost, which is asked first.
  await page.click("#gauge-set");
  assert.match(await page.textContent("#gauge-anew-question"), /^Let all measure this\?/);
  await page.click('dialog[open] button:text("Keep it")');
  assert.match(await text("gauges/all?format=definition"), /"graph"/);
  await page.click("#gauge-set");
  await page.click("#gauge-anew");
  await until(async () => !(await page.textContent("#gauge-watched")).includes("Regression"), "fewer plots");
  assert.deepEqual(errors, []);
  await page.close();
});

test("when the server goes away the page says so, and goes on when it is back", { timeout: 90_000 }, async () => {
  const first = await serve();
  const definition = { topic: "t", field: "t", measure: ["quantiles"], every: "1s" };
  await put("again", definition, first);
  const { page } = await open(browser, `${first.address}/#gauges?watch=again`);
  await following(page);
  await publish("t", records(100), first);
  await until(async () => (await watched(page)).panes.some(({ messages }) => messages === 98), "a pane");
  await first.stop();
  await page.waitForSelector('#gauge-status[data-state="waiting"]');
  await until(async () => (await page.textContent("#gauges-say")) === "the server does not answer", "no answer");
  const second = await serve(first.port);
  try {
    // Gauges are in memory: this server has none yet.
    await until(async () => /There is no gauge again/.test(await page.textContent("#gauges-hint").catch(() => "")), "no such gauge any more");
    await put("again", definition, second);
    await following(page);
    await publish("t", records(70), second);
    await until(async () => (await watched(page))?.panes.some(({ messages }) => messages === 69), "a pane of the new one");
    await page.close();
  } finally {
    await second.stop();
  }
});
