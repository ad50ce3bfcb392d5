// What the tests of the page in the binary ask of it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { browser, server, visit } from "./support.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The page of a server, once it knows of it. */
export async function look(hash, options = {}, of = server) {
  const visited = await visit(browser, `${of.address}/${hash}`, { viewport: { width: 1440, height: 900 }, ...options });
  await visited.page.waitForSelector('#health[data-state="ok"]');
  return visited;
}

export async function call(method, path, body, of = server, headers = {}) {
  const answer = await fetch(`${of.address}${path}`, { method, body, headers });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.text();
}

/** The texts of the row whose first cell is `name`. */
export const cells = (page, table, name) => page.$$eval(`[aria-label="${table}"] tbody tr`, (rows, name) => rows.filter((row) => row.cells[0].textContent === name).map((row) => [...row.cells].map((cell) => cell.textContent))[0], name);

/** The texts of all rows. */
export const rows = (page, table) => page.$$eval(`[aria-label="${table}"] tbody tr`, (rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent)));

export async function axeFindsNothing(page, what) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run());
  assert.deepEqual(found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`), [], what);
  assert.ok(found.passes.length > 10, "axe has looked");
}
