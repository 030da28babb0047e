// What happened in a boot: how it ended, which interpreter ran and why, files, environment, memory, registers, page tables, time.

import type { ProfileFacts } from "../profile.js";
import type { BootResult } from "../result.js";
import { sizeText } from "../sizes.js";
import { hex } from "../text.js";
import { sentenceOf } from "./boot_view.js";
import { type Variable, variablesOf } from "./changes.js";
import { type Child, code, firstOf, h, shown, table } from "./dom.js";
import type { Guest } from "./guest.js";
import { memoryMapView } from "./memory_map.js";
import { TABLE_NAMES, translate, walkTables } from "./page_tables.js";

const card = (title: string, ...children: readonly Child[]) =>
  h("section", { class: "card" }, h("h2", {}, title), ...children);

/** Cards of all that `guest`'s last boot gave. */
export function resultView(guest: Guest): HTMLElement[] {
  const { result } = guest;
  if (result === undefined) return [h("p", { class: "card soft" }, "Nothing has been booted yet.")];
  const cards = [
    card(
      "How it ended",
      h("p", { class: `note ${result.reason === "exec" ? "good" : "bad"}` }, shown(sentenceOf(result))),
      ...(result.bootProblem ?? []).map(({ found, name }) => h("p", { class: "soft" }, shown(`${name}: ${found}`))),
      ...firstOf(result.diagnostics, "p", (text) => h("p", { class: "note warn" }, shown(text))),
    ),
    h("div", { class: "two" }, card("Interpreter", ...interpreter(result)), card("Time", ...phases(result))),
    filesCard(guest, result),
    result.reason === "exec" && environmentCard(guest, result),
    card("Memory", ...memoryMapView(result)),
    result.reason === "exec" && h("div", { class: "two" }, registersCard(result), tablesCard(result)),
  ];
  return cards.filter((one): one is HTMLElement => one !== false);
}

const NAMES: Readonly<Record<string, string>> = { lua: "Lua", "4th": "Forth", simp: "the simple one" };
const FOUND: Readonly<Record<string, string>> = {
  mark: "the guest's /boot/loader has a mark for it",
  "no mark": "the guest's /boot/loader has no mark, which means Forth",
  "no loader": "the guest has no /boot/loader",
  unreadable: "the guest's /boot/loader can't be read",
  "not looked for": "nobody looked for the guest's wish",
};

function interpreter({ flavour, interpreterChecks, overlay, profile, swaps }: BootResult): HTMLElement[] {
  const checks = firstOf(interpreterChecks, "li", ({ flavour, found, offset }) => {
    const place = offset === undefined ? "" : `, at byte ${offset}`;
    return h("li", {}, `${NAMES[flavour] ?? flavour} ran: ${FOUND[found] ?? found}${place}.`);
  });
  const unused = (overlay ?? []).filter(({ used }) => !used).map(({ path }) => path);
  return [
    h("p", {}, h("strong", {}, NAMES[flavour] ?? flavour), swaps.length > 0 && ` after ${swaps.length} swap(s)`),
    h("ul", { class: "tree" }, ...checks),
    ...(profile === undefined ? [] : [h("p", { class: "soft" }, shown(emulated(profile)))]),
    ...(unused.length > 0
      ? [h("p", { class: "note warn" }, shown(`Laid over, and never asked for: ${unused.join(", ")}`))]
      : []),
  ];
}

/** Which FreeBSD's loader it was. */
function emulated({ from, generation, release }: ProfileFacts): string {
  const why = from === "nothing" ? "nothing in the guest says which one it wants" : `${from} says so`;
  return `The loader was that of FreeBSD ${release ?? generation}: ${why}.`;
}

function phases({ disk, timeMs }: BootResult): HTMLElement[] {
  const parts = [
    ["making the module ready", timeMs.instantiate, "tables"],
    ["the guest's loader", timeMs.run, "kernel"],
    ["making the result", timeMs.decode, "module"],
  ] as const;
  const bar = h("div", { class: "phases", role: "img", "aria-label": "Time by phase, to scale" });
  for (const [, ms, kind] of parts) {
    const part = h("i", { class: `key-fill key ${kind}` });
    part.style.cssText = `flex: ${Math.max(ms, 0.01)} 0 0; border-radius: 0; margin: 0; height: auto`;
    bar.append(part);
  }
  return [
    bar,
    h(
      "dl",
      { class: "facts" },
      ...parts.flatMap(([name, ms, kind]) => [
        h("dt", {}, h("i", { class: `key ${kind}` }), name),
        h("dd", {}, `${ms.toFixed(1)} ms`),
      ]),
      h("dt", {}, "read from disks"),
      h("dd", {}, `${sizeText(disk.bytes)} in ${disk.calls} reads`),
    ),
  ];
}

function filesCard({ earlier }: Guest, { measurements, modules }: BootResult): HTMLElement {
  const files = measurements?.files ?? [];
  const used = ({ device, path, purpose, sha256, size }: (typeof files)[number]) => {
    const before = earlier?.files.get(device + path);
    const mark =
      earlier === undefined || before === sha256 ? undefined : before === undefined ? "new" : "other content";
    return [
      h(
        "div",
        {},
        code(device + path),
        mark !== undefined && " ",
        mark !== undefined && h("span", { class: "chip warn" }, mark),
      ),
      purpose,
      String(size),
      h("code", {}, sha256),
    ];
  };
  const loaded = ({ address, args = "", name, size, type }: (typeof modules)[number]) => [
    code(name),
    shown(type),
    h("code", {}, address),
    String(size),
    shown(args),
  ];
  return card(
    "Files",
    h("h3", {}, "Used"),
    table("Files that were used", ["File", "As", "Bytes", "SHA-256"], files, used),
    modules.length > 0 && h("h3", {}, "Loaded"),
    modules.length > 0 &&
      table("Files in guest memory", ["File", "Type", "Address", "Bytes", "Arguments"], modules, loaded),
  );
}

function environmentCard({ earlier, given }: Guest, { environment }: BootResult): HTMLElement {
  const cells = ({ before, from, name, value }: Variable) => [
    code(name),
    value === undefined ? h("em", {}, "not there any more") : code(value),
    from,
    before === undefined
      ? ""
      : h("span", { class: "chip warn" }, before === null ? "new since the last boot" : shown(`was ${before}`)),
  ];
  const head = ["Variable", "Value", "From", "Against the last boot"];
  return card(
    "The kernel's environment",
    earlier === undefined && h("p", { class: "soft" }, "Boot again to see what changes against this boot."),
    table("The kernel's environment", head, variablesOf(environment, given, earlier?.environment), cells),
  );
}

function registersCard(result: BootResult & { reason: "exec" }): HTMLElement {
  const cells = ([name, value]: readonly [string, unknown]) => {
    const text =
      typeof value === "number"
        ? hex(value)
        : Array.isArray(value)
          ? value.map((one) => (typeof one === "number" ? hex(one) : one)).join(", ")
          : String(value);
    return [h("code", {}, name), h("code", {}, text)];
  };
  return card("Registers", table("Registers", ["Register", "Value"], Object.entries(result.registers), cells));
}

function tablesCard(result: BootResult & { reason: "exec" }): HTMLElement {
  const { cr3, rip } = result.registers;
  if (cr3 === undefined) {
    const note = "A 32-bit kernel starts without paging, on flat segments.";
    return card("Segments", h("p", {}, note), h("p", {}, code(`table at ${result.gdt?.gpa}: ${result.gdt?.hex}`)));
  }
  const read = (gpa: number, length: number) => result.guestMemory.read(gpa, length);
  const rows = walkTables(read, Number(cr3)).flatMap(({ gpa, level, runs }) =>
    runs.map(({ first, last, page, target, user, writable }, at) => [
      at === 0 ? h("div", {}, `${TABLE_NAMES[level]} `, h("code", {}, hex(gpa))) : "",
      first === last ? String(first) : `${first}–${last}`,
      page === undefined
        ? h("div", {}, `${TABLE_NAMES[level - 1]} `, h("code", {}, hex(target)))
        : h("div", {}, `pages of ${sizeText(page)} from `, h("code", {}, hex(target))),
      `${writable ? "rw" : "r"}${user ? " user" : ""}`,
    ]),
  );
  const { physical, steps } = translate(read, Number(cr3), BigInt(rip));
  const way = steps.map(({ index, level }) => `${TABLE_NAMES[level]}[${index}]`).join(" → ");
  return card(
    "Page tables",
    h(
      "p",
      {},
      "The first instruction: ",
      code(`${rip}: ${way} → ${physical === undefined ? "nothing" : hex(physical)}`),
    ),
    table("Page tables", ["Table", "Entries", "Lead to", "May"], rows, (cells) => cells),
  );
}
