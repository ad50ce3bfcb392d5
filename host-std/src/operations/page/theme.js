// Light and dark: as the system has it, until someone chooses.

const KEY = "streamgauge-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

/** @param {HTMLElement} toggle */
export function startTheme(toggle) {
  let chosen = stored();
  const apply = () => {
    const theme = chosen ?? (dark.matches ? "dark" : "light");
    document.documentElement.dataset.theme = theme;
    toggle.setAttribute("aria-label", `Theme: ${theme}. Change it`);
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

function stored() {
  try {
    const theme = localStorage.getItem(KEY);
    return theme === "light" || theme === "dark" ? theme : undefined;
  } catch {
    return undefined;
  }
}
