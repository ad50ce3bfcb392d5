// Light and dark: as the system has it, until someone chooses.

type Choice = "light" | "dark" | undefined;
const KEY = "streamgauge-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();
let chosen: Choice;

/** Whoever asks for less motion gets pictures that change twice a second and glide nowhere. */
export const still = matchMedia("(prefers-reduced-motion: reduce)");

export function startTheme(toggle: HTMLButtonElement): void {
  try {
    const stored = localStorage.getItem(KEY);
    if (stored === "light" || stored === "dark") chosen = stored;
  } catch {
    // A page without storage forgets.
  }
  const apply = (): void => {
    const theme = chosen ?? (dark.matches ? "dark" : "light");
    document.documentElement.dataset["theme"] = theme;
    toggle.setAttribute("aria-label", `Theme: ${theme}. Change it`);
    listeners.forEach((listener) => listener());
  };
  toggle.addEventListener("click", () => {
    chosen = document.documentElement.dataset["theme"] === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // As above.
    }
    apply();
  });
  dark.addEventListener("change", apply);
  apply();
}

/** Calls `listener` whenever the colours change. */
export function onTheme(listener: () => void): void {
  listeners.add(listener);
}

export type Colour = "paper" | "card" | "line" | "ink" | "soft" | "water" | "deep" | "shallow" | "accent" | "second" | "third";

/** A colour of the theme. */
export function colour(name: Colour): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
