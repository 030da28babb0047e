// Compares what happened with what was recorded and says where they part: the field, the memory region, the
// console line. Fields that a recording calls unstable aren't looked at.

import type { BootResult } from "userboot-wasm";
import { type FoundBootData, type FoundRecord, hex, latin1, littleEndian, sha256 } from "./boot_data.js";
import { undefinedRecord } from "./differences.js";
import type { BootRun, Exit, MetadataRecord, Range, RecordedCall, Unstable } from "./recordings.js";

const ELLIPSIS_AT = 300;

/** Collects differences. Fields that differ on purpose must be what `deliberate` says, and each must be looked at. */
export class Comparison {
  readonly differences: string[] = [];
  readonly #unstable: string[];
  readonly #deliberate: Map<string, unknown>;
  readonly #seen = new Set<string>();

  constructor(unstable: readonly Unstable[] = [], deliberate: Readonly<Record<string, unknown>> = {}) {
    this.#unstable = unstable.flatMap(({ fields }) => fields);
    this.#deliberate = new Map(Object.entries(deliberate));
  }

  /** Whether `field` (a path as in the recordings) is to be compared. */
  insists(field: string): boolean {
    return this.differs(field) || !this.#unstable.some((path) => path === field || field.startsWith(`${path}/`));
  }

  /** Whether `field` differs on purpose. */
  differs(field: string): boolean {
    return this.#deliberate.has(field);
  }

  /** What `field` has to be: what was recorded, unless it differs on purpose. */
  #expected<T>(field: string, recorded: T): T {
    if (!this.differs(field)) return recorded;
    this.#seen.add(field);
    return this.#deliberate.get(field) as T;
  }

  /** To be called at the end: a listed difference that nothing was compared with says nothing. */
  close(): void {
    for (const field of this.#deliberate.keys()) {
      if (!this.#seen.has(field)) this.add(field, "listed as a difference, and not compared");
    }
  }

  add(field: string, text: string): void {
    this.differences.push(`${field}: ${text}`);
  }

  /** Compares plain values; objects by their JSON form, whatever the order of their keys. */
  equal(field: string, recorded: unknown, ours: unknown): void {
    if (!this.insists(field)) return;
    const [a, b] = [canonical(this.#expected(field, recorded)), canonical(ours)];
    if (a !== b) this.add(field, `recorded ${shorten(a)}, ours ${shorten(b)}`);
  }

  /** Compares lists element by element. */
  list(field: string, recorded: readonly unknown[], ours: readonly unknown[]): void {
    if (!this.insists(field)) return;
    const expected = this.#expected(field, recorded);
    for (let i = 0; i < Math.max(expected.length, ours.length); i++) {
      const element = `${field}[${i}]`;
      const [a, b] = [canonical(this.#expected(element, expected[i])), canonical(ours[i])];
      if (a === b) continue;
      this.add(element, `recorded ${shorten(a)}, ours ${shorten(b)}`);
      return;
    }
  }

  /** Compares console texts and names the first line that differs. */
  text(field: string, recorded: string, ours: string): void {
    if (!this.insists(field)) return;
    const expected = this.#expected(field, recorded);
    if (expected === ours) return;
    const [a, b] = [expected.split("\n"), ours.split("\n")];
    let line = 0;
    while (line < a.length && line < b.length && a[line] === b[line]) line++;
    const shown = (text: string | undefined) => (text === undefined ? "nothing more" : JSON.stringify(text));
    this.add(
      `${field} line ${line + 1}`,
      `\n  recorded ${shorten(shown(a[line]))}\n  ours     ${shorten(shown(b[line]))}`,
    );
  }
}

/** JSON with sorted keys. */
function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, part) =>
      part !== null && typeof part === "object" && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
        : part,
    ) ?? "nothing"
  );
}

function shorten(text: string): string {
  return text.length > ELLIPSIS_AT ? `${text.slice(0, ELLIPSIS_AT)}... (${text.length})` : text;
}

/** How a run ended, in the recordings' words. */
export function exitOf(result: BootResult): Exit | { kind: string } {
  if (result.reason === "exec") return { kind: "exec", ...(result.arch ? { arch: result.arch } : {}) };
  if (result.reason === "exit") return { kind: "exit", code: result.exitCode ?? -1 };
  switch (result.error?.name) {
    case "InputEndedError":
      return { kind: "input-exhausted" };
    case "InterpreterError":
      return { kind: "swap-unavailable" };
    default:
      return { kind: `${result.error?.name}: ${result.error?.message}` };
  }
}

/** The reference died or hung here. Ours must end in an orderly way: whatever way, but not by a trap. */
export function compareSurvival(comparison: Comparison, result: BootResult): void {
  if (result.error?.name === "InternalError") comparison.add("/exit", `the core failed: ${result.error.message}`);
}

export function compareCalls(comparison: Comparison, recorded: readonly RecordedCall[], result: BootResult): void {
  comparison.list("/calls", recorded, result.calls);
}

/** The stack's words, each chain record, each variable. */
export function compareBootData(
  comparison: Comparison,
  recorded: { stack: unknown; records: readonly MetadataRecord[]; vars: readonly string[] },
  found: FoundBootData,
): void {
  comparison.equal("/boot_stack", recorded.stack, found.stack);
  if (comparison.insists("/modulep") && comparison.insists("/modulep/sha256")) {
    compareRecords(comparison, recorded.records, found.records);
  }
  comparison.list("/env/vars", recorded.vars, found.env?.vars ?? []);
}

function compareRecords(
  comparison: Comparison,
  recorded: readonly MetadataRecord[],
  found: readonly FoundRecord[],
): void {
  for (let i = 0; i < Math.max(recorded.length, found.length); i++) {
    const [a, b] = [recorded[i], found[i]];
    const field = `/modulep/records[${i}]${a ? ` ${a.name}` : ""}`;
    if (a === undefined || b === undefined) {
      comparison.add(field, a ? "ours has fewer records" : `ours has more records: type ${hex(b!.type)}`);
      return;
    }
    const zeros =
      undefinedRecord(a.name) && a.gpa === b.gpa && a.size === b.size && b.bytes.every((byte) => byte === 0);
    const ours = zeros ? undefined : sameRecord(a, b);
    if (ours === undefined) continue;
    comparison.add(field, `recorded ${shorten(canonical(a))}, ours ${shorten(ours)}`);
    return;
  }
}

/** Undefined when `found` is what was recorded, else what it is. */
function sameRecord(recorded: MetadataRecord, found: FoundRecord): string | undefined {
  const { gpa, type, size, bytes } = found;
  const head = { gpa, type, size };
  if (recorded.gpa !== gpa || recorded.type !== type || recorded.size !== size) {
    return canonical({ ...head, text: size <= 128 ? latin1(bytes) : undefined });
  }
  const { value, hex: dump, sha256: digest } = recorded;
  let ours: unknown;
  if (dump !== undefined) ours = Buffer.from(bytes).toString("hex");
  else if (digest !== undefined) ours = sha256(bytes);
  else if (typeof value === "string") {
    const text = latin1(bytes).replace(/\0.*$/s, "");
    ours = text === value ? text : hex(littleEndian(bytes));
    if (ours !== value && !value.startsWith("0x")) ours = text;
  } else if (value !== undefined) ours = memoryMap(bytes);
  const expected = dump ?? digest ?? value;
  return canonical(ours) === canonical(expected) ? undefined : canonical({ ...head, value: ours });
}

/** Entries of 20 bytes: base, length, type. */
function memoryMap(bytes: Uint8Array): unknown[] {
  const entries: unknown[] = [];
  for (let at = 0; at + 20 <= bytes.length; at += 20) {
    entries.push({
      base: hex(littleEndian(bytes.subarray(at, at + 8))),
      length: hex(littleEndian(bytes.subarray(at + 8, at + 16))),
      type: Number(littleEndian(bytes.subarray(at + 16, at + 20))),
    });
  }
  return entries;
}

/**
 * The written ranges and their content, without the undefined bytes; names the regions that differ. Of ranges
 * around addresses of `undefinedAt` only the extent is compared.
 */
export function compareMemory(
  comparison: Comparison,
  recorded: BootRun["memory"],
  result: BootResult,
  undefinedAt: readonly number[] = [],
): void {
  if (!comparison.insists("/memory/ranges")) return;
  const ours = cutOut(result, recorded.undefined);
  const digest = ({ gpa, length }: { gpa: number; length: number }) => sha256(result.guestMemory.read(gpa, length));
  for (let i = 0; i < Math.max(recorded.ranges.length, ours.length); i++) {
    const [a, b] = [recorded.ranges[i], ours[i]];
    const extent = a && b && Number(a.gpa) === b.gpa && a.length === b.length;
    if (extent && (digest(b) === a.sha256 || undefinedAt.some((at) => at >= b.gpa && at < b.gpa + b.length))) continue;
    const show = (range: { gpa: string | number; length: number } | undefined) =>
      range ? `${hex(Number(range.gpa))}+${range.length}` : "nothing";
    const content = extent ? "with other content" : show(b);
    const regions = differingRegions(recorded, result);
    comparison.add(
      `/memory/ranges[${i}]`,
      `recorded ${show(a)}, ours ${content}${regions.length > 0 ? `; regions that differ: ${regions.join(", ")}` : ""}`,
    );
    break;
  }
  comparison.equal("/memory/efault_writes", recorded.efault_writes, result.memoryFaults);
}

function differingRegions(recorded: BootRun["memory"], result: BootResult): string[] {
  const skipped = (region: Range) =>
    recorded.undefined.some((hole) => Number(hole.gpa) >= Number(region.gpa) && Number(hole.gpa) < end(region));
  return (recorded.regions ?? [])
    .filter((region) => !skipped(region))
    .filter(({ gpa, length, sha256: digest }) => sha256(result.guestMemory.read(Number(gpa), length)) !== digest)
    .map(({ region, gpa, length }) => `${region} (${gpa}+${length})`);
}

function end(range: Range): number {
  return Number(range.gpa) + range.length;
}

/** The ranges that `result` wrote, without `holes`. */
function cutOut(result: BootResult, holes: readonly Range[]): { gpa: number; length: number }[] {
  let ranges = result.memory.map(({ gpa, length }) => ({ gpa: Number(gpa), length }));
  for (const hole of holes) {
    const [from, to] = [Number(hole.gpa), end(hole)];
    ranges = ranges.flatMap(({ gpa, length }) => {
      const before = { gpa, length: Math.min(gpa + length, from) - gpa };
      const start = Math.max(gpa, to);
      const after = { gpa: start, length: gpa + length - start };
      if (gpa + length <= from || gpa >= to) return [{ gpa, length }];
      return [before, after].filter((part) => part.length > 0);
    });
  }
  return ranges;
}
