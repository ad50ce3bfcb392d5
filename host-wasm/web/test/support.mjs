// What the browser's tests share: a browser, a server, and what the core computes natively.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

export const workspace = resolve(fileURLToPath(import.meta.url), "../../../..");
const target = process.env.CARGO_TARGET_DIR ?? join(workspace, "target");
const www = process.env.WWW ?? join(target, "www");
const tool = process.env.STREAMGAUGE ?? join(target, "debug/streamgauge");
export const screenshots = join(target, "screenshots");
mkdirSync(screenshots, { recursive: true });

export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
}

/** A page whose errors are collected. */
export async function open(browser, url, options = {}) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
  page.setDefaultTimeout(30_000);
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(url);
  await page.waitForSelector("html[data-ready]", { state: "attached" });
  return { page, errors };
}

/** A real server with the built page, on a port of its own choice or the one that is given. */
export async function serve(port = 0) {
  const child = spawn(tool, ["serve", "--www", www, "--pubsub-port", String(port), "--queue-port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) {
    const address = /^pubsub +(http:\S+)/.exec(line)?.[1];
    if (!address) continue;
    child.stdout.resume();
    return {
      address,
      port: Number(new URL(address).port),
      publish: async (lines) => {
        const answer = await fetch(`${address}/pub`, { method: "POST", body: lines.join("\n") });
        if (!answer.ok) throw new Error(`publish: ${answer.status}`);
      },
      async stop() {
        if (child.exitCode !== null) return;
        child.kill("SIGTERM");
        await once(child, "exit");
      },
    };
  }
  throw new Error(`${tool} did not start: build it first`);
}

/** What the core computes natively: numbers as the hexadecimal digits of their bits. */
export function nativeNumbers() {
  const out = execFileSync("cargo", ["run", "--quiet", "--package", "streamgauge-wasm", "--example", "numbers"], { cwd: workspace });
  return JSON.parse(out.toString());
}
