// The page's elements, each made in one place.

type Child = Node | string;

/** An element with attributes and children. */
export function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** What a view opens with. */
export function intro(title: string, text: string, ...controls: Child[]): HTMLElement {
  return el("div", { class: "intro" }, el("div", {}, el("h2", {}, title), el("p", {}, text)), el("div", { class: "bar" }, ...controls));
}

export function button(text: string, click: () => void, attributes: Record<string, string> = {}): HTMLButtonElement {
  const made = el("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", click);
  return made;
}

export interface Slider {
  element: HTMLElement;
  readonly value: number;
  set(value: number): void;
}

export interface SliderOptions {
  label: string;
  id: string;
  min: number;
  max: number;
  value: number;
  /** Equal distances are equal ratios; if `min` is 0, the leftmost place is 0 and the next one 1. */
  log?: boolean;
  step?: number;
  format?: (value: number) => string;
  change: (value: number) => void;
}

/** A slider that says its value. */
export function slider(options: SliderOptions): Slider {
  const { min, max, log = false, format = count } = options;
  const low = Math.max(min, 1);
  const places = 300;
  const from = (place: number): number => {
    if (!log) return place;
    if (place === 0) return min;
    return nice(low * (max / low) ** (place / places));
  };
  const to = (value: number): number => {
    if (!log) return value;
    return value <= min ? 0 : Math.round((places * Math.log(value / low)) / Math.log(max / low));
  };
  const input = el("input", { type: "range", id: options.id });
  input.min = log ? "0" : String(min);
  input.max = log ? String(places) : String(max);
  input.step = log ? "1" : String(options.step ?? (max - min) / 200);
  const output = el("output", { for: options.id });
  let value = options.value;
  const show = (): void => {
    output.textContent = format(value);
    input.setAttribute("aria-valuetext", format(value));
  };
  const set = (next: number): void => {
    value = next;
    input.value = String(to(next));
    show();
  };
  input.addEventListener("input", () => {
    value = from(Number(input.value));
    show();
    options.change(value);
  });
  set(value);
  // An output can be labelled too: without `for` the label would be its.
  const element = el("label", { for: options.id }, el("span", {}, options.label, output), input);
  return { element, set, get value() { return value; } };
}

/** Two significant digits, so that a slider shows round numbers. */
function nice(value: number): number {
  return Number(value.toPrecision(2));
}

export function select(label: string, id: string, choices: [string, string][], change: (value: string) => void): { element: HTMLElement; input: HTMLSelectElement } {
  const input = el("select", { id }, ...choices.map(([value, text]) => el("option", { value }, text)));
  input.addEventListener("change", () => change(input.value));
  return { element: el("label", {}, el("span", {}, label), input), input };
}

export function field(label: string, id: string, value: string, placeholder = ""): { element: HTMLElement; input: HTMLInputElement } {
  const input = el("input", { type: "text", id, placeholder, autocomplete: "off", spellcheck: "false" });
  input.value = value;
  return { element: el("label", {}, el("span", {}, label), input), input };
}

export function group(title: string, ...children: Child[]): HTMLFieldSetElement {
  return el("fieldset", {}, el("legend", {}, title), ...children);
}

/** Big numbers with names; `set` writes only what has changed. */
export class Tiles {
  readonly element = el("dl", { class: "tiles" });
  private readonly tiles = new Map<string, { box: HTMLElement; value: HTMLElement; note: HTMLElement }>();

  constructor(names: Record<string, string>) {
    for (const [id, name] of Object.entries(names)) {
      const [value, note] = [el("dd", { "data-value": id }, "–"), el("dd")];
      const box = el("div", {}, el("dt", {}, name), value, note);
      this.tiles.set(id, { box, value, note });
      this.element.append(box);
    }
  }

  get ids(): Iterable<string> {
    return this.tiles.keys();
  }

  set(id: string, value: string, note = "", alarm = false): void {
    const tile = this.tiles.get(id);
    if (!tile) return;
    if (tile.value.textContent !== value) tile.value.textContent = value;
    if (tile.note.textContent !== note) tile.note.textContent = note;
    tile.box.classList.toggle("alarm", alarm);
  }
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

/** 12,345 and 1.23M. */
export function count(value: number): string {
  return value < 1e6 ? whole.format(value) : short.format(value);
}

/** A number of a few digits. */
export function number(value: number | undefined, digits = 5): string {
  if (value === undefined) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "–";
  const size = Math.abs(value);
  const text = size !== 0 && (size >= 1e6 || size < 1e-4) ? value.toExponential(digits - 2) : value.toPrecision(digits);
  return text.replace("-", "−");
}

export function seconds(value: number): string {
  return value < 1 ? `${(value * 1000).toFixed(value < 0.01 ? 1 : 0)} ms` : `${value.toFixed(1)} s`;
}

export function bytes(value: number): string {
  return value < 1e6 ? `${(value / 1e3).toFixed(0)} kB` : `${(value / 1e6).toFixed(1)} MB`;
}
