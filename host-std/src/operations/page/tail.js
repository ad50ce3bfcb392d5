// The messages of a topic as they come.

import { card, el, field, say } from "./dom.js";
import { count } from "./format.js";
import { named } from "./server.js";

/** Lines that are shown, and messages a second that the server is asked for at the most. */
const LINES = 200;
const MOST = 200;

/**
 * @param {string} topic
 * @param {number | undefined} from the number of the first message that is told, if not with what comes now
 */
export function tail(topic, from) {
  const filter = el("input", { type: "text", placeholder: "all", autocomplete: "off", spellcheck: "false" });
  const stop = el("button", { type: "button", "aria-pressed": "false" }, "Hold still");
  const list = el("ol", { class: "tail", tabindex: "0", "aria-label": `Messages of ${topic}, the newest first` });
  const state = el("span", { role: "status" }, "connecting");
  const seen = el("span", {}, "none came yet");
  const waiting = [];
  let [all, held, frame] = [0, false, 0];

  const source = new EventSource(`/sub?topic=${named(topic)}&policy=skip&rate=${MOST}&client=dashboard${from === undefined ? "" : `&from=${from}`}`);
  source.onopen = () => say(state, `messages as they come, ${MOST} a second at the most`);
  source.onerror = () => say(state, "no connection: trying again");
  source.onmessage = ({ data, lastEventId }) => {
    all += 1;
    if (!data.includes(filter.value)) return;
    waiting.push([lastEventId, data]);
    if (waiting.length > LINES) waiting.shift();
    draw();
  };
  source.addEventListener("gap", ({ data }) => {
    waiting.push(["", `${count(Number(data))} messages are missing here`]);
    draw();
  });
  source.addEventListener("end", ({ data }) => {
    source.close();
    say(state, `it has ended: ${data}`);
  });

  /** However many come, once a frame. */
  function draw() {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      say(seen, `${count(all)} came`);
      if (held) return;
      const lines = waiting.splice(0).map(([id, data]) => el("li", id ? {} : { class: "gap" }, el("small", {}, id), el("span", {}, data.length > 2000 ? `${data.slice(0, 2000)} …` : data)));
      list.prepend(...lines.reverse());
      while (list.childElementCount > LINES) list.lastElementChild.remove();
    });
  }
  stop.addEventListener("click", () => {
    held = !held;
    stop.setAttribute("aria-pressed", String(held));
    draw();
  });
  filter.addEventListener("input", () => {
    for (const line of [...list.children]) line.hidden = !line.textContent.includes(filter.value);
  });
  return {
    element: card("Live", "", el("div", { class: "bar" }, field("Only with", filter), stop), el("p", { class: "note" }, state, " · ", seen), list),
    close() {
      source.close();
      cancelAnimationFrame(frame);
    },
  };
}
