// Distributions that a view can draw from, or fit.

import { Kind } from "streamgauge";

/** A kind, and its parameters: what they are called, their bounds, and where they begin. */
export interface Shape {
  kind: Kind;
  a: [name: string, min: number, max: number, value: number];
  b: [name: string, min: number, max: number, value: number] | undefined;
}

export const SHAPES: Record<string, Shape> = {
  normal: { kind: Kind.Normal, a: ["mean", -10, 10, 3], b: ["standard deviation", 0.1, 5, 0.5] },
  uniform: { kind: Kind.Uniform, a: ["from", -5, 0, 0], b: ["to", 0.5, 10, 1] },
  exponential: { kind: Kind.Exponential, a: ["rate", 0.1, 10, 2], b: undefined },
  "log-normal": { kind: Kind.LogNormal, a: ["mean of the logarithm", -1, 2, 0], b: ["deviation of the logarithm", 0.1, 1, 0.5] },
  Pareto: { kind: Kind.Pareto, a: ["least", 0.5, 5, 1], b: ["alpha", 1.5, 10, 5] },
};
