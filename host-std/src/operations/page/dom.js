// Elements, each made in one place, and changed only where something is different.

/**
 * An element with attributes and children.
 * @param {string} name
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children
 */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** An element of a picture. */
export function svg(name, attributes = {}) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

export function button(text, click, attributes = {}) {
  const made = el("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", click);
  return made;
}

/** Says a text, if it is another one: a screen reader is told of no change that is none. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function heading(title, note) {
  return el("h2", {}, title, ...(note ? [el("small", {}, note)] : []));
}

export function card(title, note, ...children) {
  return el("section", { class: "card" }, heading(title, note), ...children);
}

/** A field with its name. */
export function field(text, input) {
  return el("label", {}, el("span", {}, text), input);
}

/** What became of something that was asked for, in a line. */
export function outcome() {
  const element = el("p", { class: "outcome", role: "status" });
  let turn = 0;
  return {
    element,
    /** Does something, and says what came of it, unless something else has been asked for by then. */
    async of(doing, done) {
      const own = ++turn;
      element.classList.remove("wrong");
      try {
        const answer = await doing();
        if (own === turn) say(element, done(answer));
        return true;
      } catch (error) {
        if (own === turn) {
          element.classList.add("wrong");
          say(element, error.message);
        }
        return false;
      }
    },
  };
}

/** Asks before something is lost. */
export function sure(text) {
  const dialog = document.getElementById("sure");
  say(document.getElementById("sure-text"), text);
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((done) => dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true }));
}

/**
 * A table whose rows are kept by their keys: what is still there stays, with its focus.
 * @param {string} caption
 * @param {{ name: string, number?: boolean }[]} columns
 * @param {string} empty what it says without a row
 */
export function table(caption, columns, empty) {
  const head = el("tr", {}, ...columns.map(({ name, number }) => el("th", { scope: "col", ...(number ? { class: "n" } : {}) }, name)));
  const body = el("tbody");
  const none = el("p", { class: "note" }, empty);
  const whole = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption }, el("table", {}, el("caption", { class: "unseen" }, caption), el("thead", {}, head), body));
  const rows = new Map();
  return {
    element: el("div", {}, whole, none),
    /**
     * @param {any[]} items
     * @param {(item: any) => string} key those with the same one are told apart by how many came before
     * @param {(item: any) => { cells: Node[], update: (item: any) => void }} make
     */
    set(items, key, make) {
      const times = new Map();
      const keys = items.map(key).map((name) => {
        times.set(name, (times.get(name) ?? 0) + 1);
        return `${name} ${times.get(name)}`;
      });
      const there = new Set(keys);
      for (const [name, row] of rows) {
        if (there.has(name)) continue;
        row.element.remove();
        rows.delete(name);
      }
      let before = body.firstElementChild;
      for (const [i, item] of items.entries()) {
        let row = rows.get(keys[i]);
        if (!row) {
          const made = make(item);
          const cells = made.cells.map((cell, i) => el(i === 0 ? "th" : "td", { ...(i === 0 ? { scope: "row" } : {}), ...(columns[i].number ? { class: "n" } : {}) }, cell));
          row = { element: el("tr", {}, ...cells), update: made.update };
          rows.set(keys[i], row);
        }
        row.update(item);
        // What is too long for its column is cut off.
        const [first] = row.element.cells;
        if (first.title !== first.textContent) first.title = first.textContent;
        if (row.element === before) before = before.nextElementSibling;
        else body.insertBefore(row.element, before);
      }
      whole.hidden = items.length === 0;
      none.hidden = items.length > 0;
    },
  };
}
