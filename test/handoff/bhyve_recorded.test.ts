// What FreeBSD's bhyveload did for every recorded guest whose kernel was entered, against what userboot-bhyve does with our
// machine file of the same guest: the calls of libvmmapi in order, and guest memory.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type BootResult, boot, pack } from "userboot-wasm";
import { afterAll, describe, expect, test } from "vitest";
import { Comparison, compareMemory } from "../conformance/compare.js";
import { ReplayConsole } from "../conformance/console.js";
import { deliberateFields, undefinedRecord } from "../conformance/differences.js";
import { type BootRun, readGuest, readJson, recordedOptions } from "../conformance/recordings.js";
import { asEntered, wasRefused } from "../conformance/refused.js";
import {
  COMPILER,
  compileDouble,
  type DoubleRun,
  isThere,
  RELEASES,
  type Release,
  runDouble,
} from "../support/bhyve_double.js";
import { recordings } from "../support/guests.js";
import { Scratch } from "../support/scratch.js";

const PAGE = 4096;
/** The numbers that <machine/vmm.h> has for what the loader asks for. */
const NUMBERS: Readonly<Record<string, number>> = {
  "setreg 4": 19,
  "setmsr 0xc0000080": 32,
  "setcr 0": 15,
  "setcr 3": 16,
  "setcr 4": 17,
};
/** What userboot-bhyve does beside: it confines itself, and copies ranges where bhyveload copies as the loader asks. */
const BESIDE = /^(caph_|vm_limit_rights|vm_map_gpa)/;

/** The calls that bhyveload makes for a run. */
function bhyveloadsCalls({ memory_mib, calls, exit, registers }: BootRun, release: Release): string[] {
  const expected = ["vm_create guest", "vm_open guest"];
  if (release === "14") expected.push("vm_vcpu_open 0");
  expected.push("vm_set_memflags 0", `vm_setup_memory ${memory_mib * 1024 * 1024} 1`);
  const { rip, rsp, cr3, gdtr } = registers as { rip: string; rsp: string; cr3: string; gdtr: [string, number] };
  for (const [name, first, second] of calls) {
    // A swap starts over; nothing was asked for before.
    if (name === "swap_interpreter") continue;
    if (name === "setgdt") expected.push(`vm_set_desc 0 31 ${first} ${Number(second) - 1} 0`);
    else if (name !== "exec") expected.push(`vm_set_register 0 ${NUMBERS[`${name} ${first}`]} ${second}`);
    else if (exit.arch === "amd64") expected.push(`vm_setup_freebsd_registers 0 ${rip} ${cr3} ${gdtr[0]} ${rsp}`);
    else expected.push(`vm_setup_freebsd_registers_i386 0 ${rip} ${gdtr[0]} ${rsp}`);
  }
  return expected;
}

/** The guest's memory as the double has it. */
function reader({ memory }: DoubleRun): (gpa: number, length: number) => Uint8Array<ArrayBuffer> {
  return (gpa, length) => {
    const result = new Uint8Array(length);
    for (let page = gpa - (gpa % PAGE); page < gpa + length; page += PAGE) {
      const bytes = memory.get(page);
      if (bytes === undefined) continue;
      const from = Math.max(gpa, page);
      result.set(bytes.subarray(from - page, Math.min(PAGE, gpa + length - page)), from - gpa);
    }
    return result;
  };
}

/** Pages that aren't zero where `result` wrote, with the table that is written for a 32-bit kernel. */
function expectedPages({ guestMemory, gdt }: BootResult): Map<number, Uint8Array> {
  const pages = new Map<number, Uint8Array>();
  const page = (at: number) => {
    const start = at - (at % PAGE);
    if (!pages.has(start)) pages.set(start, guestMemory.read(start, PAGE));
    return pages.get(start)!;
  };
  for (const [start, end] of guestMemory.written) for (let at = start - (start % PAGE); at < end; at += PAGE) page(at);
  if (gdt) page(Number(gdt.gpa)).set(Buffer.from(gdt.hex, "hex"), Number(gdt.gpa) % PAGE);
  for (const [at, bytes] of pages) if (bytes.every((byte) => byte === 0)) pages.delete(at);
  return pages;
}

if (recordings === undefined) console.warn("*** SKIPPED, no recordings: userboot-bhyve against what bhyveload did ***");

describe.skipIf(recordings === undefined || !isThere(COMPILER)).each(Object.keys(RELEASES) as Release[])(
  "userboot-bhyve of FreeBSD %s",
  (release) => {
    const scratch = new Scratch();
    afterAll(() => scratch[Symbol.dispose]());
    const root = recordings ?? "";
    const program = recordings === undefined || !isThere(COMPILER) ? "" : compileDouble(scratch, release);
    const names =
      recordings === undefined ? [] : ["expected", "expected-simp"].flatMap((set) => recordedEntries(root, set));

    test("there are recordings of kernels that were entered", () => expect(names.length).toBeGreaterThan(500));

    // One form of the calls is held against all guests, the other against some of each kind.
    test.each(names.filter((_, i) => release === "12.1" || i % 10 === 0))("%s", async (name) => {
      const [set = "", file = ""] = name.split("/");
      const recorded = readJson<BootRun>(join(root, "boot", set, `${file}.json`));
      const { description, image } = readGuest(root, recorded.guest);
      const disks = recorded.disks ??
        description.runs.find(({ expected }) => expected === `${file}.json`)?.disks ?? [0];
      const options = recordedOptions(recorded);
      using ended = await boot({ disks: disks.map(image), ...options, console: new ReplayConsole([recorded.keys]) });
      const result = wasRefused(recorded, ended) ? asEntered(ended) : ended;
      const comparison = new Comparison(recorded.unstable, deliberateFields(name));
      if (!comparison.insists("/exit/kind") || comparison.differs("/exit")) return;

      const machine = await pack(result, "machine");
      const run = runDouble(scratch, program, ["-m", `${recorded.memory_mib}m`, "guest"], machine);
      expect(run.stderr).toBe("");
      expect(run.status).toBe(0);
      const { calls } = run;
      const expected =
        comparison.insists("/calls") && !comparison.differs("/calls")
          ? recorded
          : { ...recorded, calls: result.calls, registers: { ...result.registers } };
      expect(calls.filter((call) => !BESIDE.test(call))).toEqual(bhyveloadsCalls(expected, release));
      // Nothing of the input was read before.
      const entered = calls.indexOf("caph_enter 0");
      expect(entered).toBeGreaterThan(0);
      expect(calls.findIndex((call) => call.startsWith("vm_map_gpa"))).toBeGreaterThan(entered);

      expect(differingPages(run.memory, expectedPages(result))).toEqual([]);
      const undefinedAt = recorded.modulep?.records
        .filter(({ name: record }) => undefinedRecord(record))
        .map(({ gpa }) => Number(gpa));
      const made = Object.defineProperties(Object.create(result) as BootResult, {
        guestMemory: { value: { read: reader(run) } },
      });
      compareMemory(comparison, recorded.memory, made, undefinedAt);
      expect(comparison.differences).toEqual([]);
    });
  },
);

/** Addresses of pages that only one of both has, or that differ. */
function differingPages(ours: ReadonlyMap<number, Buffer>, expected: ReadonlyMap<number, Uint8Array>): number[] {
  return [...new Set([...ours.keys(), ...expected.keys()])].filter((at) => {
    const [a, b] = [ours.get(at), expected.get(at)];
    return a === undefined || b === undefined || !a.equals(b);
  });
}

/** The runs of `set` in which a kernel was entered. */
function recordedEntries(root: string, set: string): string[] {
  const directory = join(root, "boot", set);
  return readdirSync(directory)
    .filter((file) => file.endsWith(".json") && /"kind": ?"exec"/.test(readFileSync(join(directory, file), "utf8")))
    .map((file) => `${set}/${file.slice(0, -".json".length)}`)
    .sort();
}
