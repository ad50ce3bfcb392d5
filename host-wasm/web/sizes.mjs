// Prints what was built, how large it is as it is and gzipped, and what takes the room.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const [folder, metafile] = process.argv.slice(2);
const row = (name, raw, gzip) => console.log(`${name.padEnd(24)}${raw.padStart(10)}${gzip.padStart(10)}`);
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;

let [raw, gzip] = [0, 0];
row("file", "raw", "gzip");
for (const name of readdirSync(folder).sort()) {
  const bytes = readFileSync(join(folder, name));
  const small = gzipSync(bytes, { level: 9 });
  raw += bytes.length;
  gzip += small.length;
  row(name, kib(bytes.length), kib(small.length));
}
row("together", kib(raw), kib(gzip));

const output = Object.values(JSON.parse(readFileSync(metafile)).outputs)[0];
const packages = new Map();
for (const [path, { bytesInOutput }] of Object.entries(output.inputs)) {
  const name = /node_modules\/([^/]+)\//.exec(path)?.[1] ?? (path.includes("/module/") ? "module's JavaScript" : "the page");
  packages.set(name, (packages.get(name) ?? 0) + bytesInOutput);
}
console.log("\nin app.js");
for (const [name, bytes] of [...packages].sort((a, b) => b[1] - a[1])) row(`  ${name}`, kib(bytes), "");

const LIMIT = 150 * 1024;
if (gzip > LIMIT) {
  console.error(`over the limit of ${kib(LIMIT)} gzipped`);
  process.exitCode = 1;
}
