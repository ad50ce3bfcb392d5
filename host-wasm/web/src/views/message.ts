// The newest message of a stream, and the fields that it offers to measure.

import { button, el } from "../dom";

/** Characters that are shown, fields that are offered, and how deep they may be. */
const [SHOWN, MOST, DEEPEST] = [2000, 60, 4];

interface Fields {
  numbers: string[];
  /** Whatever can be the end of an edge. */
  names: string[];
}

export class Message {
  readonly element: HTMLElement;
  private readonly text = el("pre", { id: "live-message", tabindex: "0", "aria-label": "The newest message" });
  private readonly offered = el("p", { class: "note offered" });
  private readonly names = el("datalist", { id: "live-names" });
  private newest = "";
  private shown = "";
  private fields = "";

  /** `choose` is called with the field of a number that somebody wants to be measured. */
  constructor(private readonly choose: (field: string) => void, inputs: HTMLInputElement[]) {
    inputs.forEach((input) => input.setAttribute("list", this.names.id));
    this.element = el("div", { class: "card", hidden: "" }, el("h3", {}, "Newest message"), this.text, this.offered, this.names);
  }

  take(message: string): void {
    this.newest = message;
  }

  clear(): void {
    this.newest = "";
    this.draw();
  }

  draw(): void {
    if (this.newest === this.shown) return;
    this.shown = this.newest;
    this.element.hidden = this.shown === "";
    this.text.textContent = this.shown.length > SHOWN ? `${this.shown.slice(0, SHOWN)}…` : this.shown;
    const { numbers, names } = fields(this.shown);
    // What is there already stays, under the finger that is about to press it.
    const fresh = JSON.stringify([numbers, names]);
    if (fresh === this.fields) return;
    this.fields = fresh;
    this.names.replaceChildren(...names.map((value) => el("option", { value })));
    this.offered.replaceChildren(...(numbers.length ? ["Measure ", ...numbers.map((name) => button(name, () => this.choose(name)))] : []));
  }
}

/** The path of a key in what has this path, as the fields take it; nothing if there is none. */
function step(path: string, key: string): string | undefined {
  if (key === "" || (key.includes("]") && /[.[]/.test(key))) return undefined;
  if (/[.[]/.test(key)) return `${path}[${key}]`;
  return path ? `${path}.${key}` : key;
}

/** Paths of what is in a message: `ll.0`, `[user.name].first`. */
function fields(message: string): Fields {
  const found: Fields = { numbers: [], names: [] };
  const walk = (value: unknown, path: string, depth: number): void => {
    if (found.names.length >= MOST) return;
    if (typeof value === "object" && value !== null) {
      if (depth < DEEPEST) for (const [key, inner] of Object.entries(value)) {
        const place = step(path, key);
        if (place !== undefined) walk(inner, place, depth + 1);
      }
    } else if (path && value !== null) {
      found.names.push(path);
      if (typeof value === "number") found.numbers.push(path);
    }
  };
  try {
    walk(JSON.parse(message), "", 0);
  } catch {
    // It is text, and has no fields.
  }
  return found;
}
