// What the page asks of the server: no more than curl could.

/** How long an answer may take. */
const PATIENCE = 10_000;

/**
 * Asks the server. What it refuses is an error with its own words.
 * @param {string} method
 * @param {string} path
 * @param {string} [body]
 */
export async function ask(method, path, body) {
  let answer;
  try {
    answer = await fetch(path, { method, body, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  } catch (error) {
    throw new Error(error.name === "TimeoutError" ? "the server does not answer" : "no connection to the server", { cause: error });
  }
  const text = await answer.text();
  if (!answer.ok) throw new Error(text.trim() || `the server answers ${answer.status}`);
  return text;
}

export async function askJson(path) {
  return JSON.parse(await ask("GET", path));
}

/** The same for a shell. */
export function curl(method, path, body) {
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const verb = method === "GET" || (method === "POST" && body !== undefined) ? "" : ` -X ${method}`;
  return `curl${verb} ${quoted(location.origin + path)}${body === undefined ? "" : ` -d ${quoted(body)}`}`;
}

/** A name in a path or a query. */
export const named = encodeURIComponent;
