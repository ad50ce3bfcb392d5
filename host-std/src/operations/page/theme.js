// Light and dark: as the system has it, until someone chooses.

const KEY = "streamgauge-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");
/** @type {Set<WeakRef<{ recolour(): void }>>} */
const listeners = new Set();

/** @param {HTMLElement} toggle */
export function startTheme(toggle) {
  let chosen = stored();
  const apply = () => {
    const theme = chosen ?? (dark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme;
    toggle.setAttribute("aria-label", `Theme: ${theme}. Change it`);
    for (const held of listeners) {
      const listener = held.deref();
      if (listener) listener.recolour();
      else listeners.delete(held);
    }
  };
  toggle.addEventListener("click", () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // A page without storage forgets.
    }
    apply();
  });
  dark.addEventListener("change", apply);
  apply();
}

/**
 * Tells `listener` whenever the colours change; what nobody else holds goes with the garbage.
 * @param {{ recolour(): void }} listener
 */
export function onTheme(listener) {
  listeners.add(new WeakRef(listener));
}

/** @returns {"light" | "dark" | undefined} */
function stored() {
  try {
    const theme = localStorage.getItem(KEY);
    return theme === "light" || theme === "dark" ? theme : undefined;
  } catch {
    return undefined;
  }
}
