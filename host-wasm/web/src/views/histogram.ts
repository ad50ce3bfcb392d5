// A histogram, and the density that has the same moments.

import type { Histogram, Kind, Moments } from "streamgauge";
import { Chart } from "../chart";

export class HistogramChart extends Chart {
  constructor(note: string) {
    super({
      title: "Histogram", note, x: "value", y: "density",
      lines: [{ name: "share by width", colour: "water", bars: true, width: 1 }, { name: "fitted density", colour: "accent", width: 2.5 }],
      range: (most) => [0, (most || 1) * 1.08],
    });
  }

  /** Shows the shares of all bins, and the density of this kind that has these moments, if there is one. */
  show(histogram: Histogram, moments: Moments, kind: Kind): void {
    const edges = histogram.edges();
    const width = (edges[1] ?? 1) - (edges[0] ?? 0);
    const shares = Array.from(histogram.bins(), (bin) => bin / Math.max(1, histogram.count) / width);
    const middles = edges.slice(0, -1).map((edge) => edge + width / 2);
    const fitted = moments.fittedDensity(kind, middles);
    this.set([middles, shares, fitted.length ? fitted : shares.map(() => null)]);
  }
}
