// The messages of a topic as they come.

import { card, el, field, say } from "./dom.js";
import { count } from "./format.js";
import { askJson, named, ticket, would } from "./server.js";

/** Lines that are shown, and those that come into the picture at once: nobody reads more. */
const LINES = 200;
const AT_ONCE = 40;

/** Messages a second that are too many for a browser to take them all, and those that it is sent then. */
const MANY = 500;
const SAMPLE = 200;

/** Messages that were there before, for a beginning. */
const BEFORE = 20;

/** Before a stream is asked for again, in milliseconds. */
const AGAIN = 2_000;

/** @param {string} topic */
export function tail(topic) {
  const filter = el("input", { type: "text", placeholder: "all", autocomplete: "off", spellcheck: "false" });
  const stop = el("button", { type: "button", "aria-pressed": "false" }, "Hold still");
  const list = el("ol", { class: "tail", tabindex: "0", "aria-label": `Messages of ${topic}, the newest first` });
  const state = el("span", { role: "status", class: "tail-state" }, "connecting");
  const seen = el("span", {}, "none came yet");
  const waiting = [];
  /** What each line was made of: it shows no more than the beginning. */
  const messages = new WeakMap();
  const isWanted = (message) => message.includes(filter.value);
  let [source, from, last, all, passed, sampled, held, frame, timer, turn] = [undefined, undefined, undefined, 0, 0, false, false, 0, 0, 0];
  /** Whether it waits for the topic, which a stream would make. */
  let waits = true;
  /** Whether it followed when the page was hidden. */
  let left = false;

  /** A browser has six connections to a server: a page that nobody sees leaves them to others, and goes on where it was. */
  function yieldOrResume() {
    if (!document.hidden) {
      if (left) void open();
    } else if (!waits) {
      drop();
      [left, waits] = [true, true];
    }
  }

  function drop() {
    turn += 1;
    source?.close();
    clearTimeout(timer);
  }

  const path = () => `/sub?topic=${named(topic)}&policy=skip&client=dashboard${sampled ? `&rate=${SAMPLE}` : ""}${last !== undefined ? `&last_event_id=${last}` : `&from=${from}`}`;

  async function open() {
    const own = ++turn;
    [left, waits] = [false, false];
    try {
      // What the page knows of it may be a while old.
      const { counters } = await askJson(`/topics/${named(topic)}`);
      from ??= Math.max(counters.first, counters.next - BEFORE);
      const address = `${path()}&format=sse${await ticket()}`;
      if (own === turn) listen(address);
    } catch (error) {
      if (own === turn) refused(error);
    }
  }

  function listen(address) {
    source = new EventSource(address);
    source.onopen = () => say(state, sampled ? `of the messages as they come, at most ${SAMPLE} a second` : "messages as they come");
    source.onerror = async () => {
      say(state, "no connection: waiting for the server");
      // What a browser gives up was answered: with a refusal, or by a server that does not know the ticket any more.
      if (source.readyState !== EventSource.CLOSED) {
        // It would come back by itself, and make the topic anew at a server that has begun anew.
        source.close();
        return later();
      }
      const own = turn;
      try {
        await would(path());
        if (own === turn) later();
      } catch (error) {
        if (own === turn) refused(error);
      }
    };
    source.onmessage = ({ data, lastEventId }) => {
      all += 1;
      last = lastEventId;
      if (isWanted(data)) wait(lastEventId, data);
      else draw();
    };
    // After another life of the server nobody knows how many there were.
    source.addEventListener("gap", ({ data }) => wait("", Number(data) ? `${count(Number(data))} messages are missing here` : "messages may be missing here: nobody can say how many"));
    source.addEventListener("end", ({ data }) => {
      source.close();
      say(state, `it has ended: ${data}`);
      // A topic that was removed may be made again.
      later();
    });
  }

  /** A token that may not see this is not shown again and again. */
  function refused(error) {
    say(state, error.message);
    if (error.status !== 401 && error.status !== 403) later();
  }

  function later() {
    timer = setTimeout(() => (waits = true), AGAIN);
  }

  function wait(id, text) {
    waiting.push([id, text]);
    if (waiting.length > (held ? LINES : AT_ONCE)) {
      waiting.shift();
      passed += 1;
    }
    draw();
  }

  /** However many come, once a frame. */
  function draw() {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      say(seen, `${count(all)} came${passed ? `, ${count(passed)} were too many to show` : ""}`);
      if (held) return;
      const lines = waiting.splice(0).map(([id, data]) => {
        const line = el("li", id ? {} : { class: "gap" }, el("small", {}, id), el("span", {}, data.length > 2000 ? `${data.slice(0, 2000)} …` : data));
        if (id) {
          messages.set(line, data);
          line.hidden = !isWanted(data);
        }
        return line;
      });
      list.prepend(...lines.reverse());
      while (list.childElementCount > LINES) list.lastElementChild.remove();
    });
  }
  document.addEventListener("visibilitychange", yieldOrResume);
  stop.addEventListener("click", () => {
    held = !held;
    stop.setAttribute("aria-pressed", String(held));
    draw();
  });
  filter.addEventListener("input", () => {
    for (const line of list.children) line.hidden = messages.has(line) && !isWanted(messages.get(line));
  });
  return {
    element: card("Live", "", el("div", { class: "bar" }, field("Only with", filter), stop), el("p", { class: "note" }, state, " · ", seen), list),
    /** Begins as soon as the topic is there, or says why not. */
    follow(isThere, why) {
      if (!waits || document.hidden) return;
      if (isThere) void open();
      else say(state, why || "connecting");
    },
    /** Takes a sample where too many come, and all where they are fewer again. */
    pace(rate) {
      const isMany = rate > (sampled ? MANY / 2 : MANY);
      if (isMany === sampled || rate == null) return;
      sampled = isMany;
      if (waits) return;
      drop();
      void open();
    },
    close() {
      drop();
      document.removeEventListener("visibilitychange", yieldOrResume);
      cancelAnimationFrame(frame);
    },
  };
}
