// Numbers as people say them.

import { serverTime } from "./server.js";

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

export function count(value) {
  return value == null ? "–" : Math.abs(value) < 100_000 ? whole.format(value) : short.format(value);
}

export function rate(value) {
  if (value == null) return "–";
  return value === 0 ? "0" : value < 10 ? value.toFixed(1) : count(Math.round(value));
}

export function bytes(value) {
  if (value == null) return "–";
  const unit = Math.min(4, Math.floor(Math.log2(Math.max(value, 1)) / 10));
  const size = value / 1024 ** unit;
  return `${unit === 0 || size >= 100 ? Math.round(size) : Number(size.toFixed(1))} ${["B", "KiB", "MiB", "GiB", "TiB"][unit]}`;
}

/** How long ago a time was, or how long something is, in seconds. */
export function duration(seconds) {
  if (seconds < 1) return `${Math.max(0, Math.round(seconds * 1000))} ms`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 129_600 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`;
}

export function age(time) {
  return time == null ? "–" : duration((serverTime() - Date.parse(time)) / 1000);
}

export function clock(time) {
  return new Date(time).toLocaleTimeString("en-GB");
}
