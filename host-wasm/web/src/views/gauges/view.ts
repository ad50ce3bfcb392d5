// Gauges of the server that the page comes from: set up, watched, removed.

import { button, el, intro } from "../../dom";
import type { View } from "../../view";
import { Form } from "./form";
import { List } from "./list";
import { address, ask, type Listed } from "./server";
import { Watch } from "./watch";

const INTERVAL = 1000;

export function gaugesView(panel: HTMLElement): View {
  let watch: Watch | undefined;
  let gauges = new Map<string, Listed>();
  /** What the page's address asks for. */
  let asked: { watch: string; group: string } = { watch: "", group: "" };
  let stored = "";
  let timer = 0;

  const list = new List({ watch: (name) => choose(name, ""), changed });
  const form = new Form((name) => gauges.has(name), (name) => {
    list.forget();
    choose(name, "");
    void list.ask();
  });
  const none = el("p", { class: "hint", id: "gauges-hint" }, "Choose a gauge to watch it, or set one up.");
  const place = el("div", { class: "stack" }, none);
  const question = el("p", {});
  const wrong = el("p", { class: "refused", role: "alert" });
  const sure = el("dialog", { "aria-labelledby": "remove-question" }, question, wrong,
    el("div", { class: "bar" }, button("Keep it", () => sure.close()), button("Remove it", () => void remove(), { class: "main", id: "gauge-remove-sure" })));
  question.id = "remove-question";

  panel.append(
    intro("Gauges", "What the server measures while a stream flows by, in memory that is fixed when a gauge is set up."),
    list.element,
    el("div", { class: "columns" }, place, el("div", { class: "stack" }, form.element)),
    sure);

  /** The server has told which gauges there are. */
  function changed(now: Map<string, Listed>): void {
    gauges = now;
    const one = gauges.get(asked.watch);
    const same = watch && watch.name === one?.name && JSON.stringify(watch.definition) === JSON.stringify(one.definition);
    if (!same) {
      watch?.close();
      watch = one && new Watch(one.name, one.definition, asked.group, (group) => choose(one.name, group),
        button("Change it", () => form.load(one.name, one.definition), { id: "gauge-change" }),
        button("Remove it", () => { question.textContent = `Remove the gauge ${one.name}, and all that it has measured?`; wrong.textContent = ""; sure.showModal(); }, { id: "gauge-remove" }));
      none.textContent = asked.watch ? `There is no gauge ${asked.watch}.` : "Choose a gauge to watch it, or set one up.";
      place.replaceChildren(watch?.element ?? none);
      Object.assign(panel, { watch });
      void watch?.ask();
    }
    list.mark(watch?.name);
  }

  function choose(name: string, group: string): void {
    asked = { watch: name, group };
    const query = new URLSearchParams(Object.entries(asked).filter(([, value]) => value !== "" && value !== "all")).toString();
    stored = query ? `#gauges?${query}` : "#gauges";
    history.replaceState(null, "", stored);
    changed(gauges);
  }

  async function remove(): Promise<void> {
    const { watch: name } = asked;
    wrong.textContent = "";
    try {
      await ask(address(name), { method: "DELETE" });
    } catch (error) {
      wrong.textContent = (error as Error).message;
      return;
    }
    sure.close();
    // Another one may have been chosen meanwhile.
    if (asked.watch === name) choose("", "");
    list.forget();
    void list.ask();
  }

  function tick(): void {
    void list.ask();
    void watch?.ask();
  }

  /** Takes what the page's address asks for, if that is something new. */
  function agree(): void {
    if (panel.hidden || location.hash === stored) return;
    const query = new URLSearchParams(location.hash.split("?")[1] ?? "");
    if (location.hash.includes("?")) choose(query.get("watch") ?? "", query.get("group") ?? "");
    else choose(asked.watch, asked.group);
  }

  addEventListener("hashchange", agree);
  return {
    show(): void {
      agree();
      tick();
      timer = window.setInterval(tick, INTERVAL);
    },
    hide(): void {
      clearInterval(timer);
      watch?.hide();
    },
  };
}
