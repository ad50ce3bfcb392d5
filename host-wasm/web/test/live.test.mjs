// Live mode against real servers.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { messages, records, shown, state, tells, view } from "./following.mjs";
import { files, launch, open, pause, screenshots, serve, until, wire, www } from "./support.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

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
    assert.equal(await view(page, "measured.without"), 1);
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
    assert.equal(await view(page, "measured.moments().mean"), 99.5);
    await server.stop();
    await state(page, "waiting");
    server = await serve(server.port);
    await state(page, "open");
    await server.publish(['{"x":1}', '{"x":2}']);
    await messages(page, 202);
    assert.deepEqual(await view(page, "[measured.moments().count, Math.round(measured.moments().mean * 202)]"), [202, 19903]);
    await tells(page, "reconnects", "1");
    // The new server knows nothing of the old one's messages, and the page says so.
    assert.deepEqual(await view(page, "gaps.map(({ lost, unknown }) => [lost, unknown])"), [[undefined, true]]);
    await tells(page, "missed", "unknown");
    assert.ok(await page.isVisible('#live-view .alarm [data-value="missed"]'));
    assert.match(await page.textContent("#live-view .log"), /gap: the server began anew, what was lost isn't known/);
    await page.close();
  } finally {
    await server.stop();
  }
});

test("a stream of another life leaves unknown what was lost, whether its server tells of a gap or not", { timeout: 60_000 }, async () => {
  // Heads of streams, one after another, and what they begin with: the last of them comes from the life before it.
  const [gap, headers] = ["event: gap\ndata: 0\n\n", (sequence, epoch) => ({ "x-pubsub-sequence": sequence, "x-pubsub-epoch": epoch })];
  const lives = [[headers(70, 70), ""], [headers(70, 70), gap], [headers(90, 90), gap], [headers(5, 5), ""], [headers(5, 5), ""]];
  const wanted = [[undefined, false], [undefined, true], [undefined, true], [undefined, false]];
  const left = [...lives];
  let last;
  const server = createServer(({ method, url }, answer) => {
    const open = { "access-control-allow-origin": "*", "access-control-allow-headers": "*", "access-control-expose-headers": "*" };
    if (method === "OPTIONS" || !url.startsWith("/sub")) return answer.writeHead(204, open).end();
    const [head, opening] = left.shift();
    answer.writeHead(200, { "content-type": "text/event-stream", ...open, ...head });
    answer.write(`retry: 1000\n\n${opening}`);
    if (left.length > 0) answer.end();
    else last = answer;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const plain = await files(www);
  try {
    const { page } = await open(browser, `${plain.address}/#live?address=127.0.0.1:${server.address().port}`);
    await until(() => last, "the last life");
    await state(page, "open");
    assert.deepEqual(await view(page, "gaps.map(({ lost, unknown }) => [lost, unknown])"), wanted);
    await tells(page, "missed", "unknown");
    await page.close();
  } finally {
    plain.stop();
    server.closeAllConnections();
    server.close();
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
    await until(() => view(page, "measured.histogram() !== undefined && measured.moments().max === 5200"), "the last message");
    const [seen, gaps] = await view(page, "[measured.messages, gaps.map((gap) => ({ ...gap }))]");
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
    assert.deepEqual(await view(page, "[measured.messages, measured.moments().count, measured.moments().mean, measured.moments().max]"), [300, 300, 149.5, 299]);
    await tells(page, "missed", "0");
    await page.close();
  } finally {
    line.stop();
    await server.stop();
  }
});

test("what had gathered while the wire was cut is measured, and does not dwarf the rates before and after", { timeout: 60_000 }, async () => {
  const server = await serve();
  const line = await wire(server);
  try {
    const { page } = await open(browser, `${line.address}/#live?field=x`);
    await state(page, "open");
    let sent = 0;
    const publish = async (n) => server.publish(records(n, (sent += n) - n));
    const steadily = async (ms) => { for (const end = Date.now() + ms; Date.now() < end; await pause(50)) await publish(5); };
    await steadily(2000);
    line.cut();
    await state(page, "waiting");
    await publish(20_000);
    line.mend();
    await messages(page, sent);
    await steadily(1500);
    await messages(page, sent);
    const rates = (await view(page, "history"))[1].filter((rate) => rate !== null);
    assert.ok(Math.max(...rates) < 1000, `${Math.max(...rates)} a second, where 100 are published`);
    // Then it is measured again.
    assert.ok(rates.slice(-4).some((rate) => rate > 20), rates.slice(-4).join());
    assert.equal(await view(page, "measured.messages"), sent);
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
    assert.equal(await view(page, "measured.messages"), 0);
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
    assert.deepEqual(await view(page, "[measured.moments().mean, gaps.map((gap) => gap.lost)]"), [4.5, [undefined, undefined]]);
    await tells(page, "received", "10");
    await page.close();
  } finally {
    line.stop();
    await Promise.all([home, closed, open_].map((server) => server.stop()));
  }
});

test("the edges of the stream are a picture that a hand, a keyboard and a screen reader can use", { timeout: 120_000 }, async () => {
  const server = await serve();
  try {
    const { page, errors } = await open(browser, `${server.address}/#live?field=x`);
    const net = page.locator("#live-view .net");
    const nodes = () => page.$$eval("#live-view .net circle", (all) => all.map((one) => one.dataset.node).sort());
    await state(page, "open");
    await server.publish(["1", "2"]);
    await messages(page, 2);
    // What has no edges has no picture.
    assert.ok(await net.isHidden());
    await server.publish(records(30));
    await until(async () => (await nodes()).join() === "a.example,b0.example,b1.example,b2.example", "four nodes");
    assert.equal(await page.locator("#live-view .net path").count(), 3);
    const rows = () => page.$$eval('#live-view [aria-label="Top edges"] tbody tr', (all) => all.map((row) => [...row.cells].map((cell) => cell.textContent).join(" ")));
    assert.deepEqual(await rows(), ["a.example b0.example 10", "a.example b1.example 10", "a.example b2.example 10"]);
    assert.equal(await net.getAttribute("aria-label"), "Graph of 4 nodes and 3 edges; the table has the heaviest.");
    await pause(1500);
    const apart = await page.$$eval("#live-view .net circle", (all) => {
      const frame = document.querySelector("#live-view .net").getBoundingClientRect();
      const boxes = all.map((one) => one.getBoundingClientRect());
      return boxes.every((one) => one.left >= frame.left && one.right <= frame.right && one.top >= frame.top && one.bottom <= frame.bottom) && new Set(boxes.map((one) => Math.round(one.x))).size > 1;
    });
    assert.ok(apart, "each node has its place in the picture");
    await net.focus();
    const told = () => page.textContent("#live-told");
    await page.keyboard.press("ArrowRight");
    assert.equal(await told(), "a.example: weight 30, 3 neighbours");
    await page.keyboard.press("ArrowRight");
    assert.match(await told(), /^b\d.example: weight 10, 1 neighbours$/);
    assert.equal(await page.locator("#live-view .net .faded").count(), 2 * 2 + 2);
    // The one that is looked at goes on being told of, and when it leaves the picture nothing stays faded.
    await server.publish(records(30));
    await until(async () => /: weight 20,/.test(await told()), "the new weight");
    await server.publish(Array.from({ length: 60 * 30 }, (_, i) => JSON.stringify({ r: `c${i % 60}`, u: "d" })));
    await until(async () => (await nodes()).length === 61, "the sixty heaviest edges");
    assert.deepEqual([await told(), await page.locator("#live-view .net .faded").count()], ["", 0]);
    // A stream that is followed anew begins with nothing.
    await page.click("#connect");
    await page.click("#connect");
    await state(page, "open");
    assert.ok(await net.isHidden());
    assert.deepEqual([await nodes(), await rows()], [[], []]);
    assert.deepEqual(errors, []);
    await page.close();
  } finally {
    await server.stop();
  }
});

test("the picture changes once a second, hardly moves for whoever wants that, and rests while it isn't shown", { timeout: 120_000 }, async () => {
  const server = await serve();
  try {
    const moved = {};
    for (const reducedMotion of ["no-preference", "reduce"]) {
      const { page } = await open(browser, `${server.address}/#live?field=x`, { reducedMotion });
      await state(page, "open");
      // New edges all the time.
      let sent = 0;
      const publish = () => server.publish(Array.from({ length: 5 }, () => JSON.stringify({ r: "a", u: `b${sent++}` })));
      await publish();
      await page.waitForSelector("#live-view .net circle");
      const changes = async (ms) => {
        const counting = page.evaluate((ms) => new Promise((done) => {
          const found = { drawn: 0, places: 0 };
          let before = "";
          const root = document.querySelector("#live-view .net g");
          new MutationObserver(() => found.drawn++).observe(root, { childList: true });
          const begun = performance.now();
          const each = () => {
            const now = [...root.querySelectorAll("circle")].map((one) => one.getAttribute("cx")).join();
            found.places += now !== before;
            before = now;
            if (performance.now() - begun < ms) requestAnimationFrame(each);
            else done(found);
          };
          each();
        }), ms);
        let going = true;
        const publishing = (async () => { for (; going; await pause(200)) await publish(); })();
        const found = await counting;
        going = false;
        await publishing;
        return found;
      };
      moved[reducedMotion] = await changes(4000);
      await page.click("#tab-statistics");
      moved[`${reducedMotion}, hidden`] = await changes(1500);
      await page.close();
    }
    const [much, little] = [moved["no-preference"], moved.reduce];
    for (const { drawn } of [much, little]) assert.ok(drawn >= 2 && drawn <= 5, JSON.stringify(moved));
    // One of them is the first look at it.
    assert.ok(little.places <= little.drawn + 1 && much.places > 4 * little.places, JSON.stringify(moved));
    for (const each of ["no-preference, hidden", "reduce, hidden"]) assert.deepEqual(moved[each], { drawn: 0, places: 1 }, each);
  } finally {
    await server.stop();
  }
});

test("a picture of edges that weigh nearly the same comes to rest while the stream goes on", { timeout: 60_000 }, async () => {
  const server = await serve();
  try {
    const { page, errors } = await open(browser, `${server.address}/#live?field=x`);
    await state(page, "open");
    // Eighty edges, of which now these are the heaviest and now those, by one.
    const click = (i) => JSON.stringify({ r: `a${i % 8}`, u: `b${i % 80}` });
    const all = Array.from({ length: 80 }, (_, i) => click(i));
    for (let i = 0; i < 60; i++) await server.publish(all);
    let [going, turn] = [true, 0];
    const publishing = (async () => { for (; going; turn++, await pause(100)) await server.publish(all.filter((_, i) => (i + 7 * turn) % 80 < 40)); })();
    const places = () => page.$$eval("#live-view .net circle", (all) => all.map((one) => `${one.dataset.node} ${one.getAttribute("cx")},${one.getAttribute("cy")}`).sort().join("\n"));
    await until(async () => (await page.locator("#live-view .net path").count()) === 60, "the picture");
    await until(async () => {
      const before = await places();
      await pause(2500);
      return before === (await places());
    }, "the layout at rest");
    going = false;
    await publishing;
    // What is much heavier has its place at once.
    await server.publish(Array.from({ length: 300 }, () => JSON.stringify({ r: "new", u: "b1" })));
    await page.waitForSelector('#live-view .net circle[data-node="new"]');
    assert.equal(await page.locator("#live-view .net path").count(), 60);
    assert.deepEqual(errors, []);
    await page.close();
  } finally {
    await server.stop();
  }
});

test("the density of the kind that is chosen, with the stream's moments, lies over its histogram", { timeout: 60_000 }, async () => {
  const server = await serve();
  try {
    const { page, errors } = await open(browser, `${server.address}/#live`);
    await state(page, "open");
    // Exponential numbers of mean 2, each quantile once.
    const numbers = Array.from({ length: 1000 }, (_, i) => -2 * Math.log(1 - (i + 0.5) / 1000));
    // The first 64 choose the range.
    numbers.sort((a, b) => ((a * 1e6) % 1) - ((b * 1e6) % 1));
    await server.publish(numbers.map(String));
    await messages(page, 1000);
    const drawn = () => view(page, "histogramChart.data.map((column) => [...column])");
    const [mean, deviation] = await view(page, "[measured.moments().mean, measured.moments().deviation]");
    const densities = {
      normal: (x) => Math.exp(-(((x - mean) / deviation) ** 2) / 2) / (deviation * Math.sqrt(2 * Math.PI)),
      exponential: (x) => Math.exp(-x / mean) / mean,
      uniform: (x) => (Math.abs(x - mean) < Math.sqrt(3) * deviation ? 1 / (Math.sqrt(12) * deviation) : 0),
    };
    for (const [kind, density] of Object.entries(densities)) {
      await page.selectOption("#fitted-kind", kind);
      await until(async () => {
        const [x, , fitted] = await drawn();
        return x.length > 0 && x.every((x, i) => fitted[i] !== null && Math.abs(fitted[i] - density(x)) < 1e-9);
      }, `the ${kind} density`, 5000);
    }
    await page.selectOption("#fitted-kind", "exponential");
    await pause(400);
    // On one scale: the shares are a density too.
    const [x, shares, fitted] = await drawn();
    const within = numbers.filter((n) => n < x.at(-1) + (x[1] - x[0]) / 2).length / 1000;
    assert.ok(Math.abs(shares.reduce((a, b) => a + b) * (x[1] - x[0]) - within) < 1e-9);
    assert.ok(Math.max(...x.map((_, i) => Math.abs(shares[i] - fitted[i]))) < 0.1);
    const red = await page.$eval('#live-view [aria-label^="Chart: Histogram"] canvas', (canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let found = 0;
      for (let i = 0; i < data.length; i += 4) found += data[i + 3] > 128 && data[i] > 180 && data[i + 1] < 140 && data[i + 2] < 120;
      return found;
    });
    assert.ok(red > 100, `${red} pixels of the line`);
    // No exponential distribution has a mean below 0.
    await server.publish(Array.from({ length: 5000 }, () => "-3"));
    await until(async () => (await drawn())[2].every((each) => each === null), "no density");
    assert.deepEqual(errors, []);
    await page.close();
  } finally {
    await server.stop();
  }
});

test("what the server counts is shown, asked for once a second at most, and only while it is followed", { timeout: 120_000 }, async () => {
  const server = await serve();
  const line = await wire(server);
  try {
    const { page, errors, requests } = await open(browser, `${line.address}/#live?field=x`);
    const asked = () => requests.filter((url) => url.includes("/stats")).length;
    await state(page, "open");
    await server.publish(records(1234));
    await tells(page, "received", "1,234");
    const answer = await (await fetch(`${server.address}/stats?format=json`)).json();
    for (const [id, name] of [["subscribers", "current_connections"], ["sent", "messages_sent"], ["kicked", "kicked_clients"]]) await tells(page, id, answer[name].toLocaleString("en"));
    assert.ok(answer.messages_sent >= 1234 && answer.current_connections >= 1);
    // The rate is that of the messages between two answers.
    let going = true;
    const publishing = (async () => { for (; going; await pause(100)) await server.publish(records(50)); })();
    const before = asked();
    await pause(4000);
    const [rate, more] = [await page.textContent('#live-view [data-value="received"] + dd'), asked() - before];
    going = false;
    await publishing;
    assert.ok(more >= 2 && more <= 5, `${more} questions in 4 s`);
    const a_second = Number(/^([\d,]+) a second$/.exec(rate)?.[1].replace(",", ""));
    assert.ok(a_second > 150 && a_second < 700, rate);
    assert.ok(await page.isHidden("#live-view .tiles .alarm"));
    line.cut();
    await state(page, "waiting");
    assert.deepEqual(await Promise.all(["subscribers", "received", "sent", "kicked"].map((id) => shown(page, id))), ["–", "–", "–", "–"]);
    const silent = asked();
    await pause(1500);
    assert.equal(asked(), silent);
    // Not in the middle of an attempt, which would end in vain behind this: the next one comes later than that.
    const status = () => page.textContent("#live-status");
    const tried = await status();
    await until(async () => (await status()) !== tried, "another attempt");
    await pause(200);
    errors.length = 0;
    line.mend();
    await state(page, "open");
    await until(async () => Number((await shown(page, "received")).replace(",", "")) > 1234, "counters again");
    await page.route("**/stats?*", (route) => route.fulfill({ json: { current_connections: 2, total_connections: 9, messages_received: 5, messages_sent: 1e7, kicked_clients: 3 } }));
    await tells(page, "kicked", "3");
    assert.ok(await page.isVisible('#live-view .alarm [data-value="kicked"]'));
    assert.deepEqual([await shown(page, "received"), await shown(page, "sent"), await page.textContent('#live-view [data-value="received"] + dd')], ["5", "10M", ""]);
    assert.deepEqual(errors, []);
    await page.close();
  } finally {
    line.stop();
    await server.stop();
  }
});

test("a server without counters, or with broken ones, is followed as any other", { timeout: 120_000 }, async () => {
  const server = await serve();
  const failures = {
    absent: (route) => route.fulfill({ status: 404 }),
    failing: (route) => route.fulfill({ status: 500, json: { current_connections: 1 } }),
    "no JSON": (route) => route.fulfill({ body: "Active connections: 0" }),
    null: (route) => route.fulfill({ body: "null" }),
    other: (route) => route.fulfill({ json: { current_connections: "many", messages_received: -1, kicked_clients: null } }),
    cut: (route) => route.abort(),
    silent: () => {},
  };
  try {
    await Promise.all(Object.entries(failures).map(async ([name, fail]) => {
      const page = await browser.newPage();
      const [errors, asked] = [[], []];
      page.on("pageerror", (error) => errors.push(String(error)));
      await page.route("**/stats?*", (route) => { asked.push(name); return fail(route); });
      await page.goto(`${server.address}/#live?field=x`);
      await state(page, "open");
      await until(() => asked.length > 0, `${name}: a question`);
      const before = await view(page, "measured.messages");
      await server.publish(records(10));
      await messages(page, before + 10);
      if (name !== "other") await until(async () => (await page.textContent('#live-view [data-value="received"] + dd')) === "the server doesn't say", `${name}: said so`);
      await pause(2500);
      // It isn't asked again and again.
      assert.ok(name === "other" || asked.length === 1, `${name}: ${asked.length}`);
      assert.deepEqual(await Promise.all(["subscribers", "received", "sent", "kicked"].map((id) => shown(page, id))), ["–", "–", "–", "–"], name);
      assert.equal(await page.getAttribute("#live-status", "data-state"), "open", name);
      assert.deepEqual(errors, [], name);
      await page.close();
    }));
  } finally {
    await server.stop();
  }
});
