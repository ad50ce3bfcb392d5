// Settings of a topic or a queue in a form, which shows what it will ask for.

import { button, card, el, field, outcome, say, sure } from "./dom.js";
import { ask, curl, named } from "./server.js";

/** What is chosen from, and not written. */
const CHOICES = { overflow: ["drop-oldest", "reject"] };

/** What is given when a name is made, and stays. */
const FIXED = ["bytes"];

/** What is a text though it may look like a number. */
const TEXTS = ["dead_letter", "topic"];

const HINTS = {
  max_bytes: "none, or 8MiB",
  max_message_bytes: "a number, or 1MiB",
  max_item_bytes: "a number, or 1MiB",
  max_age: "none, or 1h",
  ttl: "none, or 1h",
  lease: "30s",
  max_lease: "15m",
  dedupe_window: "2m",
  max_depth: "none, or a number",
  max_attempts: "none, or a number",
  dead_letter: "none, or a queue",
  topic: "none, or a topic",
  filter: 'field:value, or ["a:1","b:2"]',
  sample: "1 takes all, 10 every tenth",
};

/**
 * @param {"topics" | "queues"} kind
 * @param {string} name
 * @param {() => void} changed
 */
export function settings(kind, name, changed) {
  const path = `/${kind}/${named(name)}`;
  const fields = el("div", { class: "fields" });
  const command = el("code", { class: "command" });
  const told = outcome();
  const save = el("button", { type: "submit", class: "main", disabled: "" }, "Change");
  const form = el("form", { novalidate: "" }, fields, command, el("div", { class: "bar" }, save, button("Remove …", remove, { class: "alarm" })), told.element);
  /** @type {Map<string, { input: HTMLInputElement, before: string }>} */
  const inputs = new Map();

  const wanted = () => Object.fromEntries([...inputs].filter(([, { input, before }]) => input.value.trim() !== before).map(([key, { input }]) => [key, meant(key, input.value.trim())]));
  const show = () => {
    const body = wanted();
    const has = Object.keys(body).length > 0;
    save.disabled = !has;
    say(command, has ? curl("PUT", path, JSON.stringify(body)) : curl("GET", path));
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (!(await told.of(() => ask("PUT", path, JSON.stringify(wanted())), () => "Changed."))) return;
    // What the server calls it replaces what was written.
    for (const one of inputs.values()) one.before = one.input.value.trim();
    changed();
  });

  async function remove() {
    const of = kind === "topics" ? "Its messages are lost, and its subscribers are sent away." : "Its items are lost.";
    if (!(await sure(`Remove ${name}? ${of}`))) return;
    if (await told.of(() => ask("DELETE", path), () => "Removed.")) location.hash = "#/";
  }

  return {
    element: card("Settings", "", form),
    /** Shows what is in force, but for what somebody is about to change. */
    update(values) {
      for (const [key, value] of Object.entries(values)) {
        const text = written(value);
        const there = inputs.get(key);
        if (!there) {
          const input = CHOICES[key] ? el("select", { name: key }, ...CHOICES[key].map((choice) => el("option", {}, choice))) : el("input", { type: "text", name: key, placeholder: HINTS[key] ?? "", autocomplete: "off", spellcheck: "false" });
          input.value = text;
          input.readOnly = FIXED.includes(key);
          inputs.set(key, { input, before: text });
          fields.append(field(input.readOnly ? `${key}, given when it was made` : key, input));
        } else if (there.before !== text) {
          if (there.input.value.trim() === there.before) there.input.value = text;
          there.before = text;
        }
      }
      show();
    },
  };
}

function written(value) {
  if (value == null) return "";
  if (!Array.isArray(value)) return String(value);
  return value.length < 2 ? (value[0] ?? "") : JSON.stringify(value);
}

/** What a text is in JSON: nothing where it is empty, a number where it looks like one, filters where they are a list. */
function meant(key, text) {
  if (text === "") return null;
  if (key === "filter" && text.startsWith("[")) {
    try {
      return JSON.parse(text);
    } catch {
      // A path may begin so.
    }
  }
  return /^-?\d+(\.\d+)?$/.test(text) && !TEXTS.includes(key) ? Number(text) : text;
}
