// Every boot ends: guests that would go on for ever end within 1.2 times their wall time and inside their
// memory, in a worker as well as in the calling thread.

import { BufferConsole, boot, type DiskSource } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { runStandIns, standIn } from "../host/support.js";
import { ENDLESS } from "./endless_guests.js";

const WALL_MS = 1500;
const LIMITS = { wallMs: WALL_MS, moduleMemory: 16 * 1024 * 1024 };

describe.each([true, false])("endless guests, in a worker: %s", (worker) => {
  it.each(Object.keys(ENDLESS))("%s", async (name) => {
    const disk = ENDLESS[name]!();
    const image = worker ? bytesOf(disk) : disk;
    const began = performance.now();
    const result = await boot({
      disks: [image],
      start: "simp",
      console: new BufferConsole(),
      limits: LIMITS,
      memory: 32 * 1024 * 1024,
      worker,
    });
    const took = performance.now() - began;
    if (process.env.VERBOSE) console.log(name, Math.round(took), result.error?.message, result.moduleMemory);
    expect(took).toBeLessThan(1.2 * WALL_MS);
    expect(result.moduleMemory).toBeLessThanOrEqual(LIMITS.moduleMemory);
    // Not one of them enters a kernel, and none ends by a defect.
    expect(["LimitError", "InputEndedError"]).toContain(result.error?.name);
  });
});

/** The whole content of a disk, for a worker. */
function bytesOf(disk: Exclude<DiskSource, string> & { size: number; read(at: number, into: Uint8Array): number }) {
  const bytes = new Uint8Array(disk.size);
  disk.read(0, bytes);
  return bytes;
}

it("two flavours that ask for each other for ever", async () => {
  const asks = (name: string) =>
    standIn(`${[...name].map((c, i) => `store<u8>(block + ${i}, ${c.charCodeAt(0)});`).join(" ")} swap(block, 3);`);
  const result = runStandIns({ lua: await asks("4th"), "4th": await asks("lua") });
  expect(result.error).toMatchObject({ name: "LimitError", limit: "swaps", allowed: 4, used: 5 });
});
