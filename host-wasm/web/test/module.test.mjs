// The module as others use it: from a page, from a bundler, from TypeScript.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { files, launch, target, until, workspace, www } from "./support.mjs";

const web = join(workspace, "host-wasm/web");
const tool = (name) => join(web, "node_modules/.bin", name);
const page = readFileSync(join(workspace, "host-std/docs/embed.md"), "utf8");
/** A block of the page on embedding, by its language and something in it. */
const block = (language, what) => [...page.matchAll(new RegExp("```" + language + "\\n([^]*?)```", "g"))].map(([, code]) => code).filter((code) => code.includes(what));

let browser, folder;
before(async () => {
  browser = await launch();
  folder = mkdtempSync(join(tmpdir(), "streamgauge-module-"));
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

/** What a page says that runs this script, with these files beside it. */
async function run(script, beside) {
  const at = mkdtempSync(join(folder, "page-"));
  beside.forEach((path) => cpSync(path, join(at, path.split("/").at(-1)), { recursive: true }));
  writeFileSync(join(at, "index.html"), `<!doctype html><link rel="icon" href="data:,"><script type="module">${script}</script>`);
  const server = await files(at);
  const page = await browser.newPage();
  const [said, errors] = [[], []];
  page.on("console", (message) => (message.type() === "error" ? errors : said).push(message.text()));
  page.on("pageerror", (error) => errors.push(String(error)));
  try {
    await page.goto(server.address);
    await until(() => said.length > 0 || errors.length > 0, "the script's word");
    assert.deepEqual(errors, []);
    return said;
  } finally {
    await page.close();
    server.stop();
  }
}

test("the five lines of the page on embedding run in a page", { timeout: 60_000 }, async () => {
  const [snippet, ...others] = block("js", "streamgauge.js");
  assert.ok(snippet && others.length === 0);
  assert.ok(snippet.trim().split("\n").length <= 5, snippet);
  const said = await run(snippet, [join(www, "streamgauge.js"), join(www, "streamgauge_bg.wasm")]);
  assert.deepEqual(said, ["4 3.75 9.583333333333334"]);
});

test("a bundler takes the package as the page on embedding says", { timeout: 60_000 }, async () => {
  const at = mkdtempSync(join(folder, "bundle-"));
  mkdirSync(join(at, "node_modules"));
  symlinkSync(join(target, "npm"), join(at, "node_modules/streamgauge"));
  const [snippet] = block("js", "streamgauge.js");
  writeFileSync(join(at, "main.js"), snippet.replace('"./streamgauge.js"', '"streamgauge"').replace("init()", "init({ module_or_path: wasm })").replace(/^/, 'import wasm from "streamgauge/streamgauge_bg.wasm";\n'));
  execFileSync(tool("esbuild"), ["main.js", "--bundle", "--format=esm", "--loader:.wasm=file", "--outdir=dist", "--log-level=error"], { cwd: at });
  const said = await run('import "./main.js"', readdirSync(join(at, "dist")).map((name) => join(at, "dist", name)));
  assert.deepEqual(said, ["4 3.75 9.583333333333334"]);
});

test("the declarations hold what a program needs, refuse what it must not do, and are documented", { timeout: 60_000 }, () => {
  const at = mkdtempSync(join(folder, "types-"));
  mkdirSync(join(at, "node_modules"));
  symlinkSync(join(target, "npm"), join(at, "node_modules/streamgauge"));
  copyFileSync(join(web, "test/use.ts"), join(at, "use.ts"));
  const options = { target: "es2022", module: "nodenext", moduleResolution: "nodenext", strict: true, noEmit: true, types: [], lib: ["es2023", "dom", "esnext.disposable"] };
  writeFileSync(join(at, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["use.ts"] }));
  writeFileSync(join(at, "package.json"), '{ "type": "module" }');
  const found = spawnSync(tool("tsc"), ["-p", at], { encoding: "utf8" });
  assert.equal(found.stdout, "");
  assert.equal(found.status, 0);

  const lines = readFileSync(join(target, "npm/streamgauge.d.ts"), "utf8").split("\n");
  const [classes, bare] = [[], []];
  for (const [i, line] of lines.entries()) {
    const named = /^export (?:class|enum) (\w+)/.exec(line)?.[1];
    if (named) classes.push(named);
    const member = /^ {4}(?:readonly |static |get |set )?(\w+)\??[:(]/.exec(line)?.[1];
    if ((named || (member && classes.length > 0 && !["constructor", "free"].includes(member))) && !/\*\/\s*$/.test(lines[i - 1])) bare.push(`${classes.at(-1)}.${member ?? ""}`);
    if (/^export (type|interface) InitInput|^export interface InitOutput/.test(line)) break;
  }
  for (const name of ["Queue", "Fanout", "Moments", "Histogram", "Graph", "Lines", "Multipart", "Events", "Gauge", "Told"]) assert.ok(classes.includes(name), name);
  assert.deepEqual(bare, []);
});

test("the names of parameters are those that their words use", () => {
  const declared = readFileSync(join(target, "npm/streamgauge.d.ts"), "utf8");
  const parameters = [...declared.matchAll(/^ {4}(?:constructor|static \w+|\w+)\((.*)\)/gm)].flatMap(([, list]) => [...list.matchAll(/(\w+)\??:/g)].map(([, name]) => name));
  assert.ok(parameters.includes("maxDepth") && parameters.length > 40);
  assert.deepEqual(parameters.filter((name) => name.includes("_")), []);
});

test("what an object can't be made of, or take, is an error that says so, and changes nothing", { timeout: 60_000 }, async () => {
  const script = `
    import init, * as all from "./streamgauge.js";
    await init();
    const refused = (what) => { try { what(); return "taken"; } catch (error) { return error.constructor.name + ": " + error.message; } };
    const { Clicks, Events, Fanout, Gauge, Graph, Histogram, Kind, Lines, Multipart, Queue, Records, Source } = all;
    const [gauge, source] = [new Gauge('{"measure":"rate"}'), new Source(Kind.Normal, 0, 1, 7)];
    const most = 2 ** 32 - 1;
    const first = new Source(Kind.Normal, 0, 1, 7).next();
    console.log(JSON.stringify({
      messages: [null, undefined, 7, -1, {}, [1]].map((message) => refused(() => gauge.take(message, 0))),
      large: [() => new Queue(most), () => new Fanout(most, 1), () => new Fanout(1, most), () => new Lines(most), () => new Multipart(most), () => new Events(most),
        () => new Histogram(most, 0, 1), () => new Graph(most, true), () => new Records("a", "b", most, true), () => new Clicks(1, most, true), () => source.take(most),
        () => new Gauge('{"measure":"distinct","precision":10}', "g", 100)].map(refused),
      after: [gauge.take("a", 0), gauge.take(new Uint8Array([1]), 0), JSON.parse(gauge.read("json", 0)).counters.messages, source.next() === first],
    }));`;
  const [said] = await run(script, [join(www, "streamgauge.js"), join(www, "streamgauge_bg.wasm")]);
  const { messages, large, after } = JSON.parse(said);
  assert.deepEqual(new Set(messages), new Set(["Error: a message must be a string or a Uint8Array"]));
  large.forEach((one, i) => assert.match(one, /^Error: there is no (memory|room)/, String(i)));
  assert.deepEqual(after, [null, null, 2, true]);
});

test("a build takes no folder that holds something else", () => {
  const at = mkdtempSync(join(folder, "full-"));
  writeFileSync(join(at, "mine"), "");
  const { status, stderr } = spawnSync(join(workspace, "host-wasm/build"), { env: { ...process.env, WWW: at }, encoding: "utf8" });
  assert.equal(status, 1);
  assert.match(stderr, /is neither empty nor a page that was built before/);
  assert.deepEqual(readdirSync(at), ["mine"]);
});

test("a build that is too large fails", () => {
  const at = mkdtempSync(join(folder, "large-"));
  const measure = () => spawnSync("node", [join(web, "sizes.mjs"), at, join(target, "www.meta.json")], { encoding: "utf8" });
  writeFileSync(join(at, "streamgauge_a"), randomBytes(140 * 1024));
  writeFileSync(join(at, "a"), randomBytes(35 * 1024));
  assert.equal(measure().status, 0);
  writeFileSync(join(at, "streamgauge_b"), randomBytes(15 * 1024));
  writeFileSync(join(at, "b"), randomBytes(10 * 1024));
  const { status, stderr } = measure();
  assert.equal(status, 1);
  assert.match(stderr, /the module is over its limit of 150.0 KiB gzipped\nthe page is over its limit of 40.0 KiB gzipped/);
});
