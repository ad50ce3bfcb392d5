// What the page asks of the server: no more than curl could.

import { bearer, hasToken } from "./token.js";

/** How long an answer may take. */
const PATIENCE = 10_000;

/** How far the server's clock is ahead of the browser's, in milliseconds, if by more than a header that tells seconds can't. */
let ahead = 0;

/** What the server's clock says. */
export const serverTime = () => Date.now() + ahead;

/** What the server refuses, in its own words. */
export class Refusal extends Error {
  constructor(status, text) {
    super(text.trim() || `the server answers ${status}`);
    this.status = status;
  }
}

/**
 * Asks the server, with the token that somebody gave.
 * @param {string} method
 * @param {string} path
 * @param {string} [body]
 */
async function answered(method, path, body) {
  try {
    const answer = await fetch(path, { method, body, cache: "no-store", headers: bearer(), signal: AbortSignal.timeout(PATIENCE) });
    const by = Date.parse(answer.headers.get("date")) - Date.now();
    if (Math.abs(by - ahead) > 1500) ahead = by;
    return answer;
  } catch (error) {
    throw new Error(error.name === "TimeoutError" ? "the server does not answer" : "no connection to the server", { cause: error });
  }
}

/** What the server answers; what it refuses is an error. */
export async function ask(method, path, body) {
  const answer = await answered(method, path, body);
  const text = await answer.text();
  if (!answer.ok) throw new Refusal(answer.status, text);
  return text;
}

export async function askJson(path) {
  return JSON.parse(await ask("GET", path));
}

/** Whether the server would answer, whatever it is, and however long: what it refuses is an error. */
export async function would(path) {
  const answer = await answered("GET", path);
  if (!answer.ok) throw new Refusal(answer.status, await answer.text());
  await answer.body?.cancel();
}

/** What stands for the token in the address of a stream, which has no place for headers. */
export async function ticket() {
  if (!hasToken()) return "";
  return `&ticket=${named(JSON.parse(await ask("POST", "/ticket")).ticket)}`;
}

/** The same for a shell, which has the token from elsewhere. */
export function curl(method, path, body) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const verb = method === "GET" || (method === "POST" && body !== undefined) ? "" : ` -X ${method}`;
  // After -d an @ is the name of a file, which is nothing to send by mistake.
  const data = body?.startsWith("@") ? "--data-raw" : "-d";
  const token = hasToken() ? ' -H "Authorization: Bearer $STREAMGAUGE_TOKEN"' : "";
  return `curl${verb}${token} ${quoted(location.origin + path)}${body === undefined ? "" : ` ${data} ${quoted(body)}`}`;
}

/** A name in a path or a query. */
export const named = encodeURIComponent;
