// The page of a server as a picture: what the browser has laid out, written down as an SVG of text, rectangles and paths.
//
//   node picture.mjs http://localhost:8080/ [SECONDS [WIDTH [HEIGHT]]] > page.svg
//
// The server has to be busy already; the picture is taken after a minute, when the small plots have their whole length.
import { launch, pause, visit } from "./support.mjs";

const [url = "http://localhost:8080/", seconds = "61", width = "1200", height = "928"] = process.argv.slice(2);

/** A font as wide as most are which stand for `system-ui`, so that few viewers have to stretch or squeeze the text; and what `draw` puts something else in the stead of. */
const STYLE = 'html { font-family: "Liberation Sans", Arial, sans-serif !important } .drawn::before { content: none !important }';

/** Runs in the page, which is why it holds all that it needs. */
async function draw(what) {
  const [shapes, definitions] = [[], []];
  const classes = new Map();
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });

  const round = (number) => String(Math.round(number * 10) / 10);
  const escaped = (text) => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
  /** Attributes; those that have no value are left out. */
  const attributes = (all) => Object.entries(all).map(([name, value]) => (value === undefined || value === "" ? "" : ` ${name}="${typeof value === "number" ? round(value) : escaped(value)}"`)).join("");
  const shape = (name, all, inner) => shapes.push(`<${name}${attributes(all)}${inner === undefined ? "/>" : `>${inner}</${name}>`}`);
  /** The name of a thing that is defined once, however often it is used. */
  const defined = (make) => {
    let at = definitions.findIndex((one) => one === make(definitions.indexOf(one)));
    if (at < 0) at = definitions.push(make(definitions.length)) - 1;
    return `url(#d${at})`;
  };

  /** Any colour as hexadecimal digits and an opacity; nothing where it is not seen. */
  const colour = (css) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = css;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    if (a === 0) return undefined;
    return { paint: `#${[r, g, b].map((part) => part.toString(16).padStart(2, "0")).join("")}`.replace(/^#(.)\1(.)\2(.)\3$/, "#$1$2$3"), part: a === 255 ? undefined : String(Math.round((a / 255) * 100) / 100) };
  };

  /** The shadows of a box as a filter. */
  const shadow = (css) => {
    const all = [...css.matchAll(/(rgba?\([^)]*\)|color\([^)]*\)) ([-\d.]+)px ([-\d.]+)px ([\d.]+)px/g)].map(([, paint, x, y, blur]) => ({ ...colour(paint), x: Number(x), y: Number(y), blur: blur / 2 }));
    if (all.length === 0) return undefined;
    const drops = all.map(({ paint, part, x, y, blur }) => `<feDropShadow${attributes({ dx: x, dy: y, stdDeviation: blur, "flood-color": paint, "flood-opacity": part })}/>`);
    return defined((at) => `<filter id="d${at}">${drops.join("")}</filter>`);
  };

  /** The font and the colour of a text as a class, which it shares with others. */
  const classOf = (style, paint, underlined) => {
    const css = [
      `fill:${paint.paint}`, paint.part && `fill-opacity:${paint.part}`, `font-size:${round(parseFloat(style.fontSize))}px`,
      style.fontWeight !== "400" && `font-weight:${style.fontWeight}`, style.fontFamily.includes("monospace") && "font-family:ui-monospace,monospace",
      style.letterSpacing !== "normal" && `letter-spacing:${parseFloat(style.letterSpacing).toFixed(2)}px`, underlined && "text-decoration:underline;text-underline-offset:.2em",
    ].filter(Boolean).join(";");
    if (!classes.has(css)) classes.set(css, `t${classes.size}`);
    return classes.get(css);
  };

  /** How long a text is, and how far its font reaches over the baseline and under it. */
  const measured = (text, style) => {
    // Their shorthand is empty where figures are tabular.
    canvas.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const { width: long, fontBoundingBoxAscent: over, fontBoundingBoxDescent: under } = canvas.measureText(text);
    return { long, over, under };
  };

  /** A line of text. Its length is told, so that it ends where it should in a viewer with another font. */
  const line = (text, left, top, bottom, long, style, paint = style.color, underlined = false) => {
    const ink = colour(paint);
    const { over, under } = measured(text, style);
    if (!ink || !text.trim() || top >= innerHeight) return;
    shape("text", { class: classOf(style, ink, underlined), x: left, y: (top + bottom + over - under) / 2, textLength: long, lengthAdjust: "spacingAndGlyphs" }, escaped(text));
  };

  /** The lines of a text as they are broken. */
  const lines = (node) => {
    const range = document.createRange();
    const found = [];
    for (let i = 0; i < node.data.length; i++) {
      range.setStart(node, i);
      range.setEnd(node, i + 1);
      const box = [...range.getClientRects()].find(({ width }) => width > 0);
      if (!box) continue;
      const last = found.at(-1);
      if (last && Math.abs(last.top - box.top) < 1) Object.assign(last, { text: last.text + node.data[i], right: box.right });
      else found.push({ text: node.data[i], left: box.left, right: box.right, top: box.top, bottom: box.bottom });
    }
    const style = getComputedStyle(node.parentElement);
    const underlined = node.parentElement.closest("a") !== null && getComputedStyle(node.parentElement.closest("a")).textDecorationLine === "underline";
    for (const { text, left, right, top, bottom } of found) {
      const [before, after] = [text.length - text.trimStart().length, text.length - text.trimEnd().length];
      const space = measured(" ", style).long;
      line(text.trim().replace(/\s/g, " "), left + before * space, top, bottom, right - left - (before + after) * space, style, style.color, underlined);
    }
  };

  /** The background and the border of a box. */
  const frame = (style, { left, top, width, height }) => {
    const fill = colour(style.backgroundColor);
    const sides = ["Top", "Right", "Bottom", "Left"].map((side) => ({ wide: style[`border${side}Style`] === "none" ? 0 : parseFloat(style[`border${side}Width`]), ink: colour(style[`border${side}Color`]) }));
    const [{ wide, ink }] = sides;
    const same = sides.every((side) => side.wide === wide && side.ink?.paint === ink?.paint);
    const stroke = same && wide > 0 ? ink : undefined;
    const inset = stroke ? wide / 2 : 0;
    const radius = style.borderTopLeftRadius.endsWith("%") ? width / 2 : Math.min(parseFloat(style.borderTopLeftRadius), width / 2, height / 2);
    if (fill || stroke) {
      shape("rect", {
        x: left + inset, y: top + inset, width: width - 2 * inset, height: height - 2 * inset, rx: radius > inset ? radius - inset : undefined,
        fill: fill?.paint ?? "none", "fill-opacity": fill?.part, stroke: stroke?.paint, "stroke-opacity": stroke?.part, "stroke-width": stroke && wide !== 1 ? wide : undefined, filter: shadow(style.boxShadow),
      });
    }
    if (same) return;
    sides.forEach(({ wide, ink }, i) => {
      if (!wide || !ink) return;
      const across = i % 2 === 0;
      shape("rect", { x: i === 1 ? left + width - wide : left, y: i === 2 ? top + height - wide : top, width: across ? width : wide, height: across ? wide : height, fill: ink.paint, "fill-opacity": ink.part });
    });
  };

  /** What is inside of the border and the padding. */
  const content = (style, box) => {
    const side = (name) => parseFloat(style[`border${name}Width`]) + parseFloat(style[`padding${name}`]);
    return new DOMRect(box.left + side("Left"), box.top + side("Top"), box.width - side("Left") - side("Right"), box.height - side("Top") - side("Bottom"));
  };

  /** Draws what is cut off at the edges of a box. */
  const within = ({ left, top, width, height }, radius, inner) => {
    shapes.push(`<g clip-path="${defined((at) => `<clipPath id="d${at}"><rect${attributes({ x: left, y: top, width, height, rx: radius || undefined })}/></clipPath>`)}">`);
    inner();
    shapes.push("</g>");
  };

  /** A small plot: its paths, which are straight lines, in coordinates of the page. */
  const plot = (element) => {
    const { a, d, e, f } = element.getScreenCTM();
    for (const path of element.querySelectorAll("path")) {
      const way = path.getAttribute("d") ?? "";
      if (/[^MLZ\d\s.-]/.test(way)) throw new Error(`a path that is not of straight lines: ${way}`);
      const style = getComputedStyle(path);
      const [fill, stroke] = [style.fill, style.stroke].map((paint) => (paint === "none" ? undefined : colour(paint)));
      if (!way) continue;
      // Each place by its distance from the one before, which is short; in tenths, so that nothing adds up.
      let [left, top] = [0, 0];
      shape("path", {
        d: way.replace(/([ML])([-\d.]+) ([-\d.]+)/g, (_, letter, x, y) => {
          const [across, down] = [Math.round(10 * (a * x + e)), Math.round(10 * (d * y + f))];
          const step = `${letter.toLowerCase()}${(across - left) / 10} ${(down - top) / 10}`;
          [left, top] = [across, down];
          return step;
        }).replaceAll(" -", "-"),
        fill: fill?.paint ?? "none", stroke: stroke?.paint, "stroke-width": stroke ? parseFloat(style.strokeWidth) : undefined, "stroke-linejoin": stroke ? "round" : undefined, opacity: style.opacity === "1" ? undefined : style.opacity,
      });
    }
  };

  /** A picture that is an SVG itself, with numbers that are as exact as it is shown. */
  const picture = (style, box, text) => {
    const inner = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    const { left, top, width, height } = content(style, box);
    for (const one of inner.querySelectorAll("title, desc")) one.remove();
    for (const name of ["role", "width", "height"]) inner.removeAttribute(name);
    for (const one of inner.querySelectorAll("*")) {
      for (const { name, value } of [...one.attributes]) one.setAttribute(name, value.replace(/-?\d+\.\d\d+/g, round));
    }
    for (const [name, value] of Object.entries({ x: left, y: top, width, height })) inner.setAttribute(name, round(value));
    inner.setAttribute("color", "#000");
    inner.setAttribute("preserveAspectRatio", style.objectPosition.endsWith("0%") ? "xMidYMin" : "xMidYMid");
    shapes.push(new XMLSerializer().serializeToString(inner).replace(' xmlns="http://www.w3.org/2000/svg"', "").replace(/>\s+</g, "><"));
  };

  /** A field, and what is written in it or would be. */
  const field = (element, style, box) => {
    frame(style, box);
    const inner = content(style, box);
    const text = element.value || element.placeholder;
    const { long } = measured(text, style);
    const write = () => line(text, inner.left, inner.top, inner.bottom, long, style, element.value ? style.color : getComputedStyle(element, "::placeholder").color);
    if (long > inner.width) within(inner, 0, write);
    else write();
  };

  /** A box to tick, as the browser has it. */
  const check = (element, style, { left, top, width, height }) => {
    const { checked } = element;
    const tint = colour(style.accentColor).paint;
    shape("rect", { x: left + 0.5, y: top + 0.5, width: width - 1, height: height - 1, rx: 2, fill: checked ? tint : "#fff", stroke: checked ? tint : "#767676" });
    if (checked) shape("path", { d: [[0.22, 0.52], [0.42, 0.72], [0.8, 0.28]].map(([x, y], i) => `${i ? "L" : "M"}${round(left + x * width)} ${round(top + y * height)}`).join(""), fill: "none", stroke: "#fff", "stroke-width": 2 });
  };

  /** How much of something is used, as the browser has it. */
  const meter = (element, { left, top, width, height }) => {
    const [high, part] = [height / 2, element.value / element.max];
    const bar = { x: left, y: top + (height - high) / 2, height: high, rx: high / 2 };
    shape("rect", { ...bar, width, fill: "#efefef", stroke: "#d6d6d6" });
    if (part * width >= 0.5) shape("rect", { ...bar, width: part * width, rx: Math.min(high, part * width) / 2, fill: "#107c10" });
  };

  const walk = (element) => {
    const style = getComputedStyle(element);
    const box = element.getBoundingClientRect();
    if (!element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) || style.clipPath !== "none" || box.top >= innerHeight) return;
    const isFaint = style.opacity !== "1";
    if (isFaint) shapes.push(`<g opacity="${style.opacity}">`);
    if (element.matches("svg")) plot(element);
    else if (element.matches("meter")) meter(element, box);
    else if (element.matches('input[type="checkbox"]')) check(element, style, box);
    else if (element.matches("input, textarea")) field(element, style, box);
    else {
      frame(style, box);
      const inside = () => element.childNodes.forEach((node) => (node.nodeType === Node.TEXT_NODE ? lines(node) : node.nodeType === Node.ELEMENT_NODE && walk(node)));
      const isCut = style.overflowX !== "visible" && (parseFloat(style.borderTopLeftRadius) > 0 || element.scrollWidth > element.clientWidth || element.scrollHeight > element.clientHeight);
      if (pictures.has(element)) picture(style, box, pictures.get(element));
      else if (isCut) within(new DOMRect(box.left + element.clientLeft, box.top + element.clientTop, element.clientWidth, element.clientHeight), Math.max(0, parseFloat(style.borderTopLeftRadius) - element.clientLeft), inside);
      else inside();
    }
    if (isFaint) shapes.push("</g>");
  };

  // What takes time comes first: afterwards the page does not change until it is drawn.
  const pictures = new Map(await Promise.all([...document.images].filter(({ src }) => src).map(async (image) => [image, await (await fetch(image.src)).text()])));
  // What stands before an element by its style has no place that could be asked for; an element in its stead has.
  for (const element of document.querySelectorAll("body *")) {
    const before = getComputedStyle(element, "::before");
    if (before.content !== '""' || before.display === "none") continue;
    const stead = document.createElement("span");
    for (const name of ["display", "width", "height", "border-radius", "background-color", "margin-right"]) stead.style.setProperty(name, before.getPropertyValue(name));
    element.classList.add("drawn");
    element.prepend(stead);
  }
  walk(document.body); // Its background is the first of all.

  const css = [...classes].map(([css, name]) => `.${name}{${css}}`).join("\n");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${innerWidth} ${innerHeight}" width="${innerWidth}" height="${innerHeight}" font-family="system-ui,sans-serif" role="img">
<title>${escaped(what)}</title>
<style>text{white-space:pre;font-variant-numeric:tabular-nums}
${css}</style>
${definitions.length ? `<defs>${definitions.join("\n")}</defs>\n` : ""}${shapes.join("\n")}
</svg>
`;
}

const browser = await launch();
try {
  const { page, errors } = await visit(browser, url, { viewport: { width: Number(width), height: Number(height) }, colorScheme: "light", bypassCSP: true });
  await page.addStyleTag({ content: STYLE });
  await page.waitForSelector('#health[data-state="ok"]');
  await pause(Number(seconds) * 1_000);
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
  process.stdout.write(await page.evaluate(draw, "The dashboard of a streamgauge server: topics, queues and gauges"));
  if (errors.length > 0) throw new Error(errors.join("\n"));
} finally {
  await browser.close();
}
