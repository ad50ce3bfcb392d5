// The page at a server that wants a token: it asks for one, keeps it to itself, and says what it does not show.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { axeFindsNothing, call, cells } from "./dashboard.mjs";
import { browser, pause, screenshots, server, stage, start, tool, until, visit } from "./support.mjs";

const folder = mkdtempSync(join(tmpdir(), "streamgauge-"));
const file = join(folder, "tokens");
const made = (name, rights) => /sg_\S+/.exec(execFileSync(tool, ["token", "new", "--tokens", file, "--name", name, "--rights", rights]).toString())[0];
const all = made("all", "pub:* sub:* put:* get:* admin:*");
const some = made("some", "pub:clicks sub:clicks");
const part = made("part", "sub:app.*");
const begin = (port) => start(port, "--tokens", file);

stage(begin);
after(() => rmSync(folder, { recursive: true }));

const as = (token) => ({ authorization: `Bearer ${token}` });
const paths = (requests) => requests.map((url) => new URL(url)).filter(({ pathname }) => pathname !== "/" && !pathname.startsWith("/dashboard")).map(({ pathname }) => pathname);
/** The browser notes each answer that is a refusal. */
const wrong = (errors) => errors.filter((error) => !/40[134]/.test(error));

/** The page, after somebody has given a token. */
async function enter(token, hash = "", of = server) {
  const visited = await visit(browser, `${of.address}/${hash}`, { viewport: { width: 1440, height: 900 } });
  await give(visited.page, token);
  await visited.page.waitForSelector('#health[data-state="ok"]');
  return visited;
}

async function give(page, token) {
  await page.fill('input[type="password"]', token);
  await page.keyboard.press("Enter");
}

test("it asks for a token, says what is wrong with one, keeps it in the tab alone, and forgets it", { timeout: 90_000 }, async () => {
  const { page, errors, requests } = await visit(browser, server.address, { viewport: { width: 390, height: 844 }, colorScheme: "dark" });
  await page.waitForSelector('input[type="password"]:focus');
  await pause(2500);
  assert.deepEqual(paths(requests), ["/overview"], "one question is enough to know");
  await page.screenshot({ path: join(screenshots, "dashboard-token.png") });
  await axeFindsNothing(page, "the question for a token");
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await give(page, "two words");
  await page.waitForSelector(".outcome.wrong >> text=no spaces");
  await give(page, "sg_unknown");
  await page.waitForSelector("p.wrong");
  assert.deepEqual(paths(requests), ["/overview", "/overview"], "it is shown to the server, once");
  await page.waitForSelector('input[type="password"]:focus');
  await give(page, all);
  await page.waitForSelector('#health[data-state="ok"]');
  await page.waitForSelector('[aria-label="Topics"] >> text=main');
  assert.deepEqual(await page.evaluate((token) => [JSON.stringify(sessionStorage).includes(token), JSON.stringify(localStorage).includes(token), document.cookie], all), [true, false, ""]);
  await page.reload();
  await page.waitForSelector('[aria-label="Topics"] >> text=main');
  await page.click('button:text("Forget the token")');
  await page.waitForSelector('input[type="password"]');
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.deepEqual(requests.filter((url) => url.includes("sg_")), [], "no address has a token");
  assert.deepEqual(wrong(errors), []);
  await page.close();
});

test("messages come by a ticket, and still do when that is over", { timeout: 90_000 }, async () => {
  const own = await begin();
  await call("PUT", "/topics/clicks", "{}", own, as(all));
  const { page, errors, requests } = await enter(all, "#/topics/clicks", own);
  await page.fill("textarea", "first");
  assert.match(await page.textContent("form .command"), /^curl -H "Authorization: Bearer \$STREAMGAUGE_TOKEN" /);
  await until(async () => /messages as they come/.test(await page.textContent(".card .note")), "it subscribes");
  await page.click("text=Publish >> nth=-1");
  await page.waitForSelector('.tail >> text="first"');
  const streams = () => requests.filter((url) => url.includes("/sub?"));
  assert.match(streams()[0], /[&?]ticket=/);
  // A ticket is good at the server alone that gave it.
  await own.stop();
  const again = await begin(own.port);
  await call("PUT", "/topics/clicks", "{}", again, as(all));
  await until(async () => /messages as they come/.test(await page.textContent(".card .note")) && streams().at(-1) !== streams()[0], "it has another one");
  await call("POST", "/pub?topic=clicks", "second", again, as(all));
  await page.waitForSelector('.tail >> text="second"');
  assert.deepEqual(streams().filter((url) => url.includes("sg_")), []);
  assert.deepEqual(wrong(errors).filter((error) => !/ERR_|503/.test(error)), []);
  await page.close();
  await again.stop();
});

test("what a token may not see is said where it would stand, once, and the rest is there", { timeout: 90_000 }, async () => {
  const { page, errors, requests } = await enter(some);
  for (const title of ["Topics", "Queues", "Gauges", "Refused", "Slow clients"]) {
    assert.match(await page.textContent(`section:has(h2:text("${title}")) .note:visible`), /token/, title);
    assert.equal(await page.locator(`section:has(h2:text("${title}")) table:visible`).count(), 0, title);
  }
  await pause(2500);
  assert.equal(paths(requests).filter((path) => path === "/topics").length, 1, "it is not tried again and again");
  await page.screenshot({ path: join(screenshots, "dashboard-some.png") });
  await axeFindsNothing(page, "a page of which a token may see nothing");
  // What it may see is found by its name.
  await page.fill('[aria-label="Name of a new one of the topics"]', "clicks");
  await page.click('section:has(h2:text("Topics")) button:text("Open")');
  await page.waitForSelector(".tail-state >> text=clicks");
  await page.fill("textarea", "seen");
  await page.click("text=Publish >> nth=-1");
  await page.waitForSelector('.tail >> text="seen"');
  await until(async () => (await page.textContent(".tiles > div:nth-child(4)")) === "messages kept1", "its numbers are there");
  await page.fill('[name="max_age"]', "1h");
  await page.click('button:text("Change")');
  await page.waitForSelector(".outcome.wrong >> text=admin");
  await page.evaluate(() => (location.hash = "#/topics/other"));
  await until(async () => /other/.test(await page.textContent(".tail-state")), "why no message comes");
  await until(async () => /other/.test(await page.textContent(".view > .note")), "why no number is there");
  await pause(2500);
  assert.equal(paths(requests).filter((path) => path === "/topics/other").length, 1);
  assert.equal(await page.textContent("#health"), "ok");
  assert.deepEqual(wrong(errors), []);
  await page.close();
});

test("a token for some names sees those that begin so", { timeout: 60_000 }, async () => {
  for (const name of ["app.one", "app.two", "web"]) await call("PUT", `/topics/${name}`, "{}", server, as(all));
  const { page } = await enter(part);
  await page.fill('[aria-label="Topics that begin with"]', "app.");
  await page.keyboard.press("Tab");
  await until(async () => (await cells(page, "Topics", "app.two"))?.length > 1, "they are there");
  assert.equal(await cells(page, "Topics", "web"), undefined);
  await page.close();
});
