// Calls of the module that wait, in a real browser.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, serve } from "./support.mjs";

let browser, server, page, errors;
before(async () => {
  server = await serve();
  browser = await launch();
  ({ page, errors } = await open(browser, `${server.address}/#statistics`));
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

test("calls that wait for a queue are served in order, and told when it closes", async () => {
  const found = await page.evaluate(async () => {
    const { Queue } = globalThis.streamgauge;
    const text = (bytes) => new TextDecoder().decode(bytes);
    const item = (s) => new TextEncoder().encode(s);
    const queue = new Queue(1024, 3);
    const waiting = [1, 2, 3].map(async (n) => `${n} got ${text(await queue.getAsync())}`);
    await Promise.resolve();
    ["a", "b", "c"].forEach((s) => queue.put(item(s)));
    const got = await Promise.all(waiting);
    ["d", "e", "f", "g"].forEach((s) => queue.put(item(s)));
    const late = queue.getAsync();
    const there = text(await late);
    const rest = [queue.get(), queue.get(), queue.get()].map((bytes) => bytes && text(bytes));
    const never = queue.getAsync().catch((error) => error.message);
    await Promise.resolve();
    queue.close();
    const refused = (() => { try { queue.put(item("h")); } catch (error) { return error.message; } })();
    const counters = [queue.accepted, queue.delivered, queue.overflow, queue.depth];
    return { got, there, rest, never: await never, refused, counters };
  });
  assert.deepEqual(found, {
    got: ["1 got a", "2 got b", "3 got c"], there: "e", rest: ["f", "g", undefined],
    never: "it is closed", refused: "it is closed", counters: [7, 6, 1, 0],
  });
});

test("calls that wait for a fan-out get each message, and the number that they missed", async () => {
  const found = await page.evaluate(async () => {
    const { Fanout } = globalThis.streamgauge;
    const text = (bytes) => new TextDecoder().decode(bytes);
    const message = (s) => new TextEncoder().encode(s);
    const fanout = new Fanout(64, 2);
    const [fast, slow] = [fanout.subscribe(), fanout.subscribe()];
    const seen = [];
    for (let i = 0; i < 100; i += 1) {
      const next = fanout.nextAsync(fast);
      await Promise.resolve();
      fanout.publish(message(`message ${i}`));
      seen.push(text((await next).bytes));
    }
    const { lagged } = await fanout.nextAsync(slow);
    const next = text((await fanout.nextAsync(slow)).bytes);
    const ended = fanout.nextAsync(fast).catch((error) => error.message);
    await Promise.resolve();
    const account = fanout.unsubscribe(fast);
    return { seen, lagged, next, ended: await ended, received: account.received, pending: account.pending };
  });
  assert.deepEqual(found.seen, Array.from({ length: 100 }, (_, i) => `message ${i}`));
  assert.ok(found.lagged > 80 && found.lagged < 100, `${found.lagged}`);
  assert.equal(found.next, `message ${found.lagged}`);
  assert.equal(found.ended, "the subscription has ended");
  assert.deepEqual([found.received, found.pending], [100, 0]);
  assert.deepEqual(errors, []);
});
