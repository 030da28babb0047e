// Guest memory drawn to scale: all of it, and below that the stretch that the loader used.

import type { BootResult } from "../result.js";
import { sizeText } from "../sizes.js";
import { hex } from "../text.js";
import { h, ROWS_MAX, shown, svg, table } from "./dom.js";
import { type Place, placesOf } from "./places.js";

const WIDTH = 1000;
const KEYS: readonly (readonly [Place["kind"], string])[] = [
  ["kernel", "kernel"],
  ["module", "modules and data files"],
  ["tables", "page and segment tables"],
  ["data", "what the kernel is told"],
  ["other", "other writes (stack)"],
];

/** The drawings, with a table of the same. */
export function memoryMapView(result: BootResult): HTMLElement[] {
  const places = placesOf(result);
  const { high, low } = result.guestMemory;
  if (places.length === 0) return [h("p", { class: "soft" }, "The loader wrote nothing.")];
  const first = places[0]!.start;
  const end = endOf(places);
  const used = places.filter(({ start }) => start >= MIB);
  const from = used.length > 0 ? used[0]!.start : first;
  const lows = places.filter(({ start }) => start < from);
  const lowEnd = endOf(lows);
  return [
    h(
      "div",
      { class: "map" },
      strip(`All ${sizeText(low)} of low memory`, places, 0, low),
      lows.length > 0 && strip("Below 1 MiB, the part in use", lows, lows[0]!.start, lowEnd),
      strip("Above 1 MiB, the part in use", used, from, end),
    ),
    high > 0 && h("p", { class: "soft" }, `${sizeText(high)} more begin at 4 GiB.`),
    h("p", { class: "bar soft" }, ...KEYS.map(([kind, text]) => h("span", {}, h("i", { class: `key ${kind}` }), text))),
    table("Memory", ["Address", "Bytes", "What"], places, ({ length, name, start }) => [
      h("code", {}, hex(start)),
      String(length),
      shown(name),
    ]),
  ].filter((part): part is HTMLElement => part !== false);
}

const MIB = 1024 * 1024;

/** Where the last of `places` ends. */
const endOf = (places: readonly Place[]) => places.reduce((end, { length, start }) => Math.max(end, start + length), 0);

/** `places` between two addresses, to scale; what is too small to be seen is a line. */
function strip(title: string, places: readonly Place[], from: number, end: number): HTMLElement {
  const scale = WIDTH / Math.max(1, end - from);
  const boxes = places.slice(0, ROWS_MAX).map(({ kind, length, name, start }) => {
    const x = ((start - from) * scale).toFixed(2);
    const width = Math.max(1.5, length * scale).toFixed(2);
    const title = svg("title", {}, shown(`${name}: ${length} bytes at ${hex(start)}`));
    return svg("rect", { class: kind, x, y: 0, width, height: 26 }, title);
  });
  const drawing = svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} 26`, preserveAspectRatio: "none", role: "img", "aria-label": `${title}, to scale` },
    svg("rect", { class: "frame", width: WIDTH, height: 26 }),
    ...boxes,
  );
  const ends = h("div", { class: "ends soft" }, h("code", {}, hex(from)), h("code", {}, hex(end)));
  return h("div", {}, h("p", { class: "soft" }, title), drawing, ends);
}
