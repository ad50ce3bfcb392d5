// The colours of the page, which are those of the server's own.

export { onTheme, startTheme } from "../../../host-std/src/operations/page/theme.js";

/** Whoever asks for less motion gets pictures that change twice a second and glide nowhere. */
export const still = matchMedia("(prefers-reduced-motion: reduce)");

export type Colour = "paper" | "card" | "line" | "ink" | "soft" | "water" | "deep" | "shallow" | "accent" | "second" | "third";

/** A colour of the theme. */
export function colour(name: Colour): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
