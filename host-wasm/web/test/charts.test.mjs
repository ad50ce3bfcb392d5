// A stretch of a chart, chosen by hand and by keyboard, and what fits on the first screen.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { messages, records, state, view } from "./following.mjs";
import { browser, open, pause, screenshots, server, stage, until } from "./support.mjs";

stage();

/** Live, with a few seconds of numbers and edges, and standing still. */
async function held(options) {
  const opened = await open(browser, `${server.address}/#live?field=x`, options);
  const { page } = opened;
  await state(page, "open");
  const before = await view(page, "measured.messages");
  for (let i = 0; i < 8; i++) {
    await server.publish(records(100));
    await pause(300);
  }
  await messages(page, before + 800);
  await page.click("#live-pause");
  await pause(300);
  return opened;
}

const near = (a, b, most, what) => assert.ok(Math.abs(a - b) <= most, `${what}: ${a} and ${b}`);

test("a stretch of time is looked at in all charts that have it, and all is shown again", { timeout: 90_000 }, async () => {
  const { page, errors } = await held({ viewport: { width: 1440, height: 900 } });
  const drawn = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  const shown = async (chart) => {
    await drawn();
    return view(page, `${chart}.shown`);
  };
  const chart = page.locator('#live-view [aria-label^="Chart: Messages"]');
  const all = page.locator("#live-view .chart .all:visible");
  const stretches = async () => {
    await drawn();
    return all.count();
  };
  const whole = await shown("rateChart");
  const span = whole[1] - whole[0];
  const others = await shown("histogramChart");
  assert.ok(span > 2 && (await stretches()) === 0, String(span));
  const { x, y, width } = await chart.boundingBox();
  const drag = async (from, to) => {
    await page.mouse.move(x + width * from, y + 60);
    await page.mouse.down();
    await page.mouse.move(x + width * to, y + 60, { steps: 4 });
    await page.mouse.up();
  };
  // From right to left is the same as from left to right.
  await drag(0.75, 0.5);
  const part = await shown("rateChart");
  near(part[1] - part[0], 0.25 * span, 0.04 * span, "a quarter of the chart");
  assert.deepEqual(await shown("valueChart"), part);
  assert.deepEqual(await shown("histogramChart"), others, "it counts something else");
  assert.equal(await stretches(), 2);
  await page.screenshot({ path: join(screenshots, "live-stretch.png") });
  // What comes in the meantime does not move it.
  await page.click("#live-pause");
  await server.publish(records(100));
  await pause(700);
  assert.deepEqual(await shown("rateChart"), part);
  await page.click("#live-pause");
  // Aside, and no further than there is something.
  await page.keyboard.down("Shift");
  await drag(0.5, 0.6);
  const aside = await shown("rateChart");
  assert.ok(aside[0] < part[0]);
  near(aside[1] - aside[0], part[1] - part[0], 1e-6 * span, "as much as before");
  await drag(0.1, 0.95);
  await drag(0.1, 0.95);
  await page.keyboard.up("Shift");
  near((await shown("rateChart"))[0], whole[0], 1e-6 * span, "the beginning");
  await chart.dblclick({ position: { x: 200, y: 60 } });
  assert.equal(await stretches(), 0);
  // By keyboard.
  const [from, to] = await shown("rateChart");
  await chart.focus();
  await page.keyboard.press("+");
  await page.keyboard.press("+");
  const middle = await shown("rateChart");
  near(middle[1] - middle[0], 0.49 * (to - from), 0.01 * span, "half of it");
  near((middle[0] + middle[1]) / 2, (from + to) / 2, 0.01 * span, "about the middle");
  await page.keyboard.press("ArrowRight");
  const right = await shown("rateChart");
  near(right[0] - middle[0], 0.2 * (middle[1] - middle[0]), 0.01 * span, "a fifth of it");
  for (let i = 0; i < 9; i++) await page.keyboard.press("-");
  assert.equal(await stretches(), 0);
  await page.keyboard.press("+");
  await page.keyboard.press("0");
  assert.equal(await stretches(), 0);
  // About the pointer, by the wheel with Ctrl; without it the page scrolls.
  await page.mouse.move(x + width * 0.3, y + 60);
  await page.keyboard.down("Control");
  await page.mouse.wheel(0, -400);
  await page.keyboard.up("Control");
  const wheel = await shown("rateChart");
  near(wheel[1] - wheel[0], 0.5 * (to - from), 0.01 * span, "twice as near");
  assert.ok(wheel[0] - from < to - wheel[1]);
  await page.mouse.wheel(0, 200);
  assert.deepEqual(await shown("rateChart"), wheel);
  await until(async () => (await page.evaluate(() => scrollY)) > 0, "the page to scroll");
  await all.first().click();
  assert.equal(await stretches(), 0);
  // A click is no stretch.
  await chart.click({ position: { x: 200, y: 60 } });
  assert.equal(await stretches(), 0);
  assert.deepEqual(errors, []);
  await page.close();
});

test("what has scrolled out of a chart is not looked at any more", { timeout: 60_000 }, async () => {
  const { page, errors } = await held();
  const chart = page.locator('#live-view [aria-label^="Chart: Messages"]');
  await chart.focus();
  for (let i = 0; i < 4; i++) await page.keyboard.press("+");
  await until(async () => (await page.locator("#live-view .chart .all:visible").count()) === 2, "a stretch");
  // Another stream begins later than it ended.
  await page.click("#connect");
  await pause(1000);
  await page.click("#connect");
  await state(page, "open");
  await server.publish(records(10));
  await pause(1500);
  assert.equal(await page.locator("#live-view .chart .all:visible").count(), 0);
  assert.deepEqual(errors, []);
  await page.close();
});

test("what matters is on the first screen", { timeout: 60_000 }, async () => {
  const { page } = await held({ viewport: { width: 1440, height: 900 } });
  for (const what of ['[aria-label^="Chart: Messages"]', '[aria-label^="Chart: Numbers"]', '[aria-label^="Chart: Histogram"]', "#queues", "#live-message", '[data-value="kicked"]']) {
    const box = await page.locator(`#live-view ${what}`).boundingBox();
    assert.ok(box.y + box.height <= 900, `${what} ends at ${box.y + box.height}`);
  }
  await page.screenshot({ path: join(screenshots, "live-first.png") });
  await page.close();
});
