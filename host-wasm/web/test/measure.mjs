// How long frames take, what the main thread does in them, and what memory there is.
import { pause } from "./support.mjs";

/** Frame times in milliseconds over so many seconds, sorted, and the share of the time that the page was at work. */
export async function frames(page, seconds) {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const busy = async () => (await session.send("Performance.getMetrics")).metrics.find(({ name }) => name === "TaskDuration").value;
  const before = await busy();
  const times = await page.evaluate((seconds) => new Promise((done) => {
    const gaps = [];
    let last = performance.now();
    const begun = last;
    const each = (now) => {
      gaps.push(now - last);
      last = now;
      if (now - begun < 1000 * seconds) requestAnimationFrame(each);
      else done(gaps.slice(1).sort((a, b) => a - b));
    };
    requestAnimationFrame(each);
  }), seconds);
  const work = (1000 * ((await busy()) - before)) / (times.length + 1);
  await session.detach();
  return { times, work, at: (share) => times[Math.floor((times.length - 1) * share)] };
}

/** Bytes that are in use after everything that can be freed was. */
export async function memory(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  const module = await page.evaluate(async () => (await globalThis.streamgauge.default()).memory.buffer.byteLength);
  return { heap: usedSize, module };
}

/** A record of two sites, a few of them far more often than most, and a number. */
export function click(i) {
  const site = (n, most) => Math.floor(((((i + 1) * n) % 1009) / 1009) ** 3 * most);
  return JSON.stringify({ x: 3 + ((i * 7919) % 1000) / 500, r: `http://site${site(331, 9)}.example/`, u: `http://target${site(577, 60)}.example/${i}` });
}

/** Publishes clicks, each with a number, at a rate until told to stop. */
export function stream(server, rate) {
  let going = true;
  const done = (async () => {
    const begun = performance.now();
    for (let sent = 0; going; ) {
      const due = Math.min(Math.floor(((performance.now() - begun) / 1000) * rate) - sent, 20_000);
      if (due > 0) await server.publish(Array.from({ length: due }, (_, i) => click(sent + i)));
      sent += Math.max(0, due);
      await pause(20);
    }
  })();
  return { stop: () => { going = false; return done; } };
}
