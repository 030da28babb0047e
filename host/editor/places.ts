// What lies where in guest memory when a kernel starts, for the drawing: files, tables, what the kernel is told, and what else was
// written.

import type { BootResult } from "../result.js";
import { walkTables } from "./page_tables.js";

/** A stretch of guest memory. */
export interface Place {
  /** What is drawn of it. */
  kind: "kernel" | "module" | "tables" | "data" | "other";
  /** What it is. */
  name: string;
  start: number;
  length: number;
}

/** What `result` left in memory, in order of addresses. */
export function placesOf(result: BootResult): Place[] {
  const { guestMemory, memory, modules } = result;
  const files = modules.map(({ address, name, size }, at): Place => {
    return { kind: at === 0 ? "kernel" : "module", name, start: Number(address), length: size };
  });
  const told: Place[] = [];
  if (result.reason === "exec") {
    const { bootData, registers } = result;
    if (registers.cr3 !== undefined) {
      const read = (gpa: number, length: number) => guestMemory.read(gpa, length);
      for (const { gpa } of walkTables(read, Number(registers.cr3)))
        told.push({ kind: "tables", name: "page table", start: gpa, length: 4096 });
    }
    told.push({
      kind: "tables",
      name: "segment table",
      start: Number(registers.gdtr[0]),
      length: registers.gdtr[1] + 1,
    });
    if (bootData !== undefined) {
      const { envp, kernend, modulep } = bootData;
      const start = Number(modulep);
      told.push({
        kind: "data",
        name: "what the loader tells the kernel",
        start,
        length: Math.max(0, Number(kernend) - start),
      });
      if (envp !== undefined) {
        const length = [...Object.entries(result.environment)].reduce(
          (sum, [name, value]) => sum + name.length + value.length + 2,
          1,
        );
        told.push({ kind: "data", name: "environment", start: Number(envp), length });
      }
    }
  }
  const known = [...files, ...told];
  const rest = memory
    .map(({ gpa, length }): Place => ({ kind: "other", name: "written", start: Number(gpa), length }))
    .filter(({ start, length }) => !known.some((one) => start < one.start + one.length && one.start < start + length));
  return [...known, ...rest].filter(({ length }) => length > 0).sort((a, b) => a.start - b.start);
}
