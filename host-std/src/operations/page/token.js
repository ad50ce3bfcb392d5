// The token that somebody gave to this tab, which keeps it until it is closed.

import { card, el, field, outcome } from "./dom.js";

const KEY = "streamgauge-token";
let token = stored();

export const hasToken = () => token !== "";

/** The headers that show it. */
export const bearer = () => (hasToken() ? { authorization: `Bearer ${token}` } : {});

/** Keeps another one, or none. */
function keep(text) {
  token = text;
  try {
    if (text) sessionStorage.setItem(KEY, text);
    else sessionStorage.removeItem(KEY);
  } catch {
    // A page without storage forgets when it is loaded again.
  }
}

/**
 * Asks for a token.
 * @param {string} why the server does not take the one that it was shown, in its words
 * @param {() => void} given
 */
export function tokenView(why, given) {
  const input = el("input", { type: "password", autocomplete: "off", spellcheck: "false", required: "" });
  const told = outcome();
  const form = el("form", {}, field("Token", input), el("div", { class: "bar" }, el("button", { type: "submit", class: "main" }, "Show it to the server")), told.element);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void told.of(async () => {
      const text = input.value.trim();
      // Nothing else can stand in a header.
      if (!/^[\x21-\x7e]+$/.test(text)) throw new Error("A token has no spaces and no letters beyond ASCII.");
      keep(text);
      given();
    }, () => "");
  });
  return {
    title: "token",
    focus: () => input.focus(),
    element: el("div", { class: "view ask" }, el("h1", {}, "Who are you?"), card("This server wants a token", "", ...(hasToken() ? [el("p", { class: "wrong" }, why)] : []), form, el("p", { class: "note" }, "It stays in this tab, until you forget it or close the tab. ", el("code", {}, "streamgauge token new"), " makes one."))),
    async update() {},
    close() {},
  };
}

/** A button that forgets the token, and with it all that it showed. */
export function startForget(button) {
  button.hidden = !hasToken();
  button.addEventListener("click", () => {
    keep("");
    location.reload();
  });
}

function stored() {
  try {
    return sessionStorage.getItem(KEY) ?? "";
  } catch {
    return "";
  }
}
