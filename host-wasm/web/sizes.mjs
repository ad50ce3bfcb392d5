// Prints what was built, how large it is as it is and gzipped, and what takes the room.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const [folder, metafile, module] = process.argv.slice(2);
const row = (name, raw, gzip) => console.log(`${name.padEnd(24)}${raw.padStart(10)}${gzip.padStart(10)}`);
const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`;

/** Gzipped bytes at the most: of the module, with its JavaScript, and of the page that shows it. */
const LIMITS = { module: 150 * 1024, page: 40 * 1024 };
const sums = { module: [0, 0], page: [0, 0] };
row("file", "raw", "gzip");
for (const name of readdirSync(folder).sort()) {
  const bytes = readFileSync(join(folder, name));
  const small = gzipSync(bytes, { level: 9 });
  const sum = sums[name.startsWith("streamgauge") ? "module" : "page"];
  sum[0] += bytes.length;
  sum[1] += small.length;
  row(name, kib(bytes.length), kib(small.length));
}
for (const [part, [raw, gzip]] of Object.entries(sums)) row(`the ${part}`, kib(raw), kib(gzip));

const output = Object.values(JSON.parse(readFileSync(metafile)).outputs)[0];
const parts = new Map();
for (const [path, { bytesInOutput }] of Object.entries(output.inputs)) {
  const name = /views\/(\w+)(?:\/|\.ts)/.exec(path)?.[1] ?? "what they share";
  parts.set(name, (parts.get(name) ?? 0) + bytesInOutput);
}
console.log("\nin app.js, by view");
for (const [name, bytes] of [...parts].sort((a, b) => b[1] - a[1])) row(`  ${name}`, kib(bytes), "");

if (module) {
  console.log("\nin the module, by the crate that its functions come from, before they are optimised");
  const crates = shares(readFileSync(module));
  const all = [...crates.values()].reduce((a, b) => a + b, 0);
  for (const [name, bytes] of [...crates].sort((a, b) => b[1] - a[1])) row(`  ${name}`, `${((100 * bytes) / all).toFixed(0)} %`, "");
}

for (const [part, [, gzip]] of Object.entries(sums)) {
  if (gzip > LIMITS[part]) {
    console.error(`the ${part} is over its limit of ${kib(LIMITS[part])} gzipped`);
    process.exitCode = 1;
  }
}

/** Bytes of functions by crate, from the names in a wasm module; a generic function counts for whose types it is. */
function shares(wasm) {
  const CRATES = [["serde_json", "reading numbers of JSON"], ["streamgauge_core", "the core"], ["streamgauge_wasm", "its classes"], ["wasm_bindgen"], ["libm"], ["alloc", "Rust's library"], ["core", "Rust's library"], ["std", "Rust's library"]];
  let at = 8;
  const number = () => {
    for (let [value, shift] = [0, 0]; ; shift += 7) {
      const byte = wasm[at++];
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  };
  const take = (n) => wasm.subarray(at, (at += n));
  const [bodies, names] = [[], new Map()];
  let imports = 0;
  while (at < wasm.length) {
    const [section, end] = [wasm[at++], number() + at];
    // All that is imported are functions: they have the first numbers.
    if (section === 2) imports = number();
    else if (section === 10) for (let left = number(); left > 0; left--) bodies.push(take(number()).length);
    else if (section === 0 && take(number()).toString() === "name") {
      while (at < end) {
        const [kind, rest] = [wasm[at++], number() + at];
        if (kind === 1) for (let left = number(); left > 0; left--) names.set(number(), take(number()).toString());
        at = rest;
      }
    }
    at = end;
  }
  const crates = new Map();
  for (const [index, name] of names) {
    const crate = CRATES.find(([crate]) => name.includes(crate));
    // What has a plain name is exported, or belongs to the allocator and the compiler.
    const of = crate ? (crate[1] ?? crate[0]) : name.startsWith("_") ? "Rust's library" : "exports";
    crates.set(of, (crates.get(of) ?? 0) + (bodies[index - imports] ?? 0));
  }
  return crates;
}
