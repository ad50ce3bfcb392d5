// For whoever has no mouse: what can be used is reached with the Tab key, has a name, and shows that it has the focus.
import assert from "node:assert/strict";

/** Goes through all controls of a page; `what` is what a failure says. */
export async function tabThrough(page, what) {
  const controls = await page.evaluate(() => {
    const all = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")].filter((one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility());
    all.forEach((one, i) => (one.dataset.control = i));
    return all.map((one) => one.outerHTML.slice(0, 120));
  });
  assert.ok(controls.length > 7, what);
  // What takes a pointer takes the keyboard too.
  const pointed = await page.$$eval("button, input, select, textarea, .net, .scroll", (all) => all.filter((one) => one.checkVisibility() && !one.disabled && one.dataset.control === undefined).map((one) => one.outerHTML.slice(0, 120)));
  assert.deepEqual(pointed, [], what);
  const reached = new Set();
  for (let i = 0; i < controls.length + 2; i++) {
    await page.keyboard.press("Tab");
    const focus = await page.evaluate(() => {
      const one = document.activeElement;
      const marked = [one, one.closest(".drop")].some((each) => each && getComputedStyle(each).outlineStyle === "solid" && parseFloat(getComputedStyle(each).outlineWidth) >= 2);
      return { control: one.dataset.control, marked };
    });
    if (focus.control === undefined) continue;
    reached.add(Number(focus.control));
    assert.ok(focus.marked, `${what}: no focus is seen on ${controls[focus.control]}`);
  }
  assert.deepEqual(controls.filter((_, i) => !reached.has(i)), [], what);
  const nameless = await page.evaluate(() => [...document.querySelectorAll("button, input, select, textarea, a, [role=img], [role=application], [role=region], progress")].filter((one) => one.checkVisibility() && !(one.getAttribute("aria-label") || one.getAttribute("aria-labelledby") || one.labels?.length || one.textContent.trim())).map((one) => one.outerHTML));
  assert.deepEqual(nameless, [], what);
}
