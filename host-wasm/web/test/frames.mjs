// `npm run frames [SECONDS OF MEMORY]`: frame times at 1,000, 10,000 and 100,000 messages a second, then the memory
// of a page at 100,000. `host-wasm/build` and `cargo build --release` come first; STREAMGAUGE names another server.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { frames, memory, stream } from "./measure.mjs";
import { target } from "./support.mjs";

const release = join(target, "release/streamgauge");
if (existsSync(release)) process.env.STREAMGAUGE ??= release;
const { launch, open, pause, serve } = await import("./support.mjs");
const [server, browser] = [await serve(), await launch()];
const say = (name, { times, work, at }) => console.log(`${name.padEnd(28)} ${(1000 / (times.reduce((a, b) => a + b) / times.length)).toFixed(1).padStart(5)} fps   median ${at(0.5).toFixed(1)}   95 % ${at(0.95).toFixed(1)}   longest ${at(1).toFixed(1)} ms   at work ${work.toFixed(1)} ms a frame`);
try {
  const { page } = await open(browser, `${server.address}/#pipeline`);
  for (const rate of ["1,000", "10,000", "100,000"]) {
    await page.click(`[data-preset="${rate} a second"]`);
    await pause(2000);
    say(`pipeline, ${rate}/s`, await frames(page, 10));
  }
  await page.close();
  for (const rate of [1000, 10_000, 100_000]) {
    const { page: live } = await open(browser, `${server.address}/#live?field=x`);
    await live.waitForSelector('#live-status[data-state="open"]');
    const source = stream(server, rate);
    await pause(2000);
    const count = () => live.evaluate(() => document.getElementById("live-view").measured.messages);
    const before = await count();
    say(`live, ${rate.toLocaleString("en")}/s`, await frames(live, 10));
    console.log(`${"".padEnd(28)} ${(((await count()) - before) / 10).toFixed(0)} messages a second measured`);
    await source.stop();
    await live.close();
  }
  const seconds = Number(process.argv[2] ?? 120);
  const { page: long } = await open(browser, `${server.address}/#pipeline`);
  await long.click('[data-preset="100,000 a second"]');
  for (let at = 0; at <= seconds; at += seconds / 6) {
    if (at) await pause((1000 * seconds) / 6);
    const { heap, module } = await memory(long);
    const published = await long.evaluate(() => document.getElementById("pipeline-view").pipeline.published);
    console.log(`after ${at.toFixed(0).padStart(4)} s, ${published.toLocaleString("en").padStart(12)} messages: ${(heap / 1e6).toFixed(1)} MB of JavaScript, ${(module / 1e6).toFixed(1)} MB of module`);
  }
} finally {
  await browser.close();
  await server.stop();
}
