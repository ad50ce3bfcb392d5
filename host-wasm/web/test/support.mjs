// What the browser's tests share: a browser, servers, what lies between, and what the core computes natively.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, existsSync, mkdirSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { extname, join, resolve } from "node:path";
import { after, before } from "node:test";
import { chromium } from "playwright-core";

export const workspace = resolve(fileURLToPath(import.meta.url), "../../../..");
export const target = process.env.CARGO_TARGET_DIR ?? join(workspace, "target");
export const www = process.env.WWW ?? join(target, "www");
export const tool = process.env.STREAMGAUGE ?? join(target, "debug/streamgauge");
export const screenshots = join(target, "screenshots");
mkdirSync(screenshots, { recursive: true });

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until `is` holds; what it waits for comes in moments, so the limit only ends a failing test. */
export async function until(is, what, limit = 30_000) {
  for (const end = Date.now() + limit; !(await is()); await pause(50)) {
    if (Date.now() > end) throw new Error(`${what}: not within ${limit} ms`);
  }
}

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** A page whose errors and requests are collected, whatever it is. */
export async function visit(browser, url, options = {}) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
  page.setDefaultTimeout(30_000);
  const [errors, requests] = [[], []];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("request", (request) => requests.push(request.url()));
  await page.goto(url);
  return { page, errors, requests };
}

/** That of the module, once it is ready. */
export async function open(browser, url, options = {}) {
  const { page, errors, requests } = await visit(browser, url, options);
  await page.waitForFunction(() => document.documentElement.dataset.ready || !document.getElementById("trouble").hidden);
  const trouble = await page.textContent("#trouble");
  if (trouble) throw new Error(trouble);
  return { page, errors, requests };
}

/** A real server with the built page, on a port of its own choice or the one that is given. */
export const serve = (port = 0, ...flags) => start(port, "--www", www, ...flags);

/** Servers that run: what a test that fails leaves behind ends with its file. */
const children = new Set();
process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));

/** A real server, as it is without flags. */
export async function start(port = 0, ...flags) {
  const child = spawn(tool, ["serve", "--pubsub-port", String(port), "--queue-port", "0", ...flags], { stdio: ["ignore", "pipe", "ignore"] });
  children.add(child);
  child.on("exit", () => children.delete(child));
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /^pubsub +(http:\S+)/.exec(line)?.[1];
    if (!address) continue;
    child.stdout.resume();
    // A file does not go on for a server that nobody stops.
    child.unref();
    child.stdout.unref();
    return {
      address,
      port: Number(new URL(address).port),
      publish: async (lines) => {
        const answer = await fetch(`${address}/pub`, { method: "POST", body: lines.join("\n") });
        if (!answer.ok) throw new Error(`publish: ${answer.status}`);
      },
      async stop() {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.ref();
        child.kill("SIGTERM");
        await once(child, "exit");
      },
    };
  }
  throw new Error(`${tool} did not start: build it first`);
}

/** A wire to a server that can be cut, and that notes when streams were asked for. */
export async function wire(server) {
  const sockets = new Set();
  const asked = [];
  let whole = true;
  const listener = createServer((socket) => {
    if (!whole) return socket.destroy();
    const other = connect(server.port, "127.0.0.1");
    for (const [a, b] of [[socket, other], [other, socket]]) {
      sockets.add(a);
      a.on("error", () => {}).on("close", () => { b.destroy(); sockets.delete(a); });
      a.pipe(b);
    }
    socket.on("data", (data) => data.includes("GET /sub") && asked.push(performance.now()));
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    address: `http://127.0.0.1:${listener.address().port}`,
    asked,
    cut() {
      whole = false;
      sockets.forEach((socket) => socket.destroy());
    },
    mend: () => (whole = true),
    stop() {
      this.cut();
      listener.close();
    },
  };
}

/** A server of plain files, as there are many; it knows nothing of streamgauge. */
export async function files(folder) {
  const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".wasm": "application/wasm" };
  const server = createHttpServer(({ url }, answer) => {
    const path = join(folder, new URL(url, "http://x").pathname.replace(/\/$/, "/index.html"));
    if (!existsSync(path)) return answer.writeHead(404).end();
    answer.writeHead(200, { "content-type": types[extname(path)] ?? "application/octet-stream" });
    createReadStream(path).pipe(answer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { address: `http://127.0.0.1:${server.address().port}`, stop: () => { server.closeAllConnections(); server.close(); } };
}

/** A browser, and a server with the page or another one, for all tests of a file that calls `stage`. */
export let browser, server;
export function stage(begin = serve) {
  before(async () => {
    server = await begin();
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
}

/** What the core computes natively: numbers as the hexadecimal digits of their bits. */
export function nativeNumbers() {
  const out = execFileSync("cargo", ["run", "--quiet", "--package", "streamgauge-wasm", "--example", "numbers"], { cwd: workspace, maxBuffer: 64 << 20 });
  return JSON.parse(out.toString());
}
