// Gauges as the server that the page comes from tells of them.

import { endpoint } from "../address";

/** The server that is meant: the page's own. */
export const HERE = new URL(".", location.href).href;

/** What the page reads of a definition; all of it is sent back as it came. */
export interface Definition {
  topic?: string;
  field?: string;
  by?: string;
  measure: string | string[];
  every?: number | string;
  last?: number | string;
}

/** A gauge of the list. */
export interface Listed {
  name: string;
  definition: Definition;
  bytes: number;
  messages: number;
  nanoseconds: number;
  behind: number;
  missed: number;
}

type Maybe = number | null;

export interface Counted {
  count: number;
  error: number;
}

/** What is measured of a group, or of all. */
export interface Measured {
  count?: number;
  mean?: Maybe;
  stddev?: Maybe;
  skewness?: Maybe;
  kurtosis?: Maybe;
  min?: Maybe;
  max?: Maybe;
  p50?: Maybe;
  p90?: Maybe;
  p99?: Maybe;
  p999?: Maybe;
  quantile_error?: number;
  distinct?: { estimate: number; error: number };
  top?: (Counted & { value: unknown })[];
  top_floor?: number;
  histogram?: { min: number; max: number; below: number; above: number; not_whole?: number; bins: number[] };
  rate?: Record<"messages_1m" | "messages_5m" | "messages_15m" | "bytes_1m", number>;
  change?: { up: number; down: number };
  pair?: Record<"count" | "correlation" | "covariance" | "slope" | "intercept" | "r_squared" | "residual_stddev", Maybe>;
  graph?: (Counted & { from: unknown; to: unknown })[];
}

/** A reading: of a pane that is over, or of now. */
export interface Reading extends Measured {
  gauge: string;
  from: string;
  to: string;
  messages: number;
  bytes: number;
  groups?: Record<string, Measured>;
  other?: Measured;
  counters: Record<string, number>;
}

/** What a rule tells. */
export interface Alert {
  gauge: string;
  rule: Record<string, unknown>;
  state: "begins" | "ends";
  value: Maybe;
  to: string;
  time: string;
}

/** A rule as somebody writes it: `p99 > 250`, `change up`. */
export function condition(rule: Record<string, unknown>): string {
  const [name, bound] = Object.entries(rule).find(([name]) => /[<>]$|^change$/.test(name)) ?? ["", ""];
  return `${name} ${String(bound)}`;
}

export function measures({ measure }: Definition): string[] {
  return typeof measure === "string" ? [measure] : measure;
}

export const address = (name: string, parameters: Record<string, string> = {}): string => endpoint(HERE, `gauges/${encodeURIComponent(name)}`, parameters);

/** What the server refuses, in its own words. */
export class Refusal extends Error {
  constructor(readonly status: number, text: string) {
    super(text);
  }
}

/** What the server says to `url`; a refusal is an error with its line, and so is that there is no answer. */
export async function ask(url: string, options: RequestInit = {}): Promise<string> {
  const [{ ok, status, statusText }, text] = await fetch(url, { cache: "no-store", ...options }).then(async (answer) => [answer, await answer.text()] as const)
    .catch(() => { throw new Error("the server does not answer"); });
  if (!ok) throw new Refusal(status, text.trim() || `${status} ${statusText}`);
  return text;
}
