// How the page's files stand to each other.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { workspace } from "./support.mjs";

const src = join(workspace, "host-wasm/web/src");

/** What a file imports of its own neighbours; types count, since who reads a file has to read them too. */
function imports(path) {
  const named = [...readFileSync(path, "utf8").matchAll(/^(?:import|export)\b[^;]*?"(\.[^"]+)";/gm)];
  return named.map(([, name]) => `${join(dirname(path), name)}.ts`).filter(existsSync);
}

/** A way from a file back to one that is on the way to it. */
function circle(path, above = []) {
  if (above.includes(path)) return [...above.slice(above.indexOf(path)), path];
  return imports(path).map((next) => circle(next, [...above, path])).find(Boolean);
}

test("no file imports in a circle", () => {
  const files = readdirSync(src, { recursive: true }).filter((name) => /(?<!\.d)\.ts$/.test(name)).map((name) => join(src, name));
  assert.ok(files.length > 10 && imports(join(src, "main.ts")).length > 4, "files and imports are found");
  for (const path of files) assert.deepEqual((circle(path) ?? []).map((each) => relative(src, each)), []);
});
