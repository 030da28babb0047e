// A core that was taken over answers for itself, too: whatever its exports do or give when a session begins, runs and ends, the boot
// has a result, and nothing of the guest's is done behind its end. Fuzzed by host/exports.

import { BufferConsole, boot } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { coreOf, type Deed } from "../../fuzz/host/exports.js";

const LIMITS = { fuel: 1_000_000, wallMs: 20_000 };
const DENIED = /^the core calls an import behind its end$/;

/** What comes of a boot with such a core. */
async function bootOf(deeds: Record<string, Deed>, options = {}) {
  const assets = { modules: { simp: coreOf(deeds) } };
  return boot({ assets, start: "simp", isolation: "none", clock: "virtual", limits: LIMITS, ...options });
}

const EXEC: Deed = { call: "exec", with: [-0x7fdf_fdc0n] };
const READERS = ["healedReads", "profileFacts", "markOffset"] as const;

describe("a boot ends by a result, whatever the core's exports do", () => {
  it("and by what they said, when they do as they should", async () => {
    expect(await bootOf({})).toMatchObject({ reason: "exit", exitCode: 1, disk: { healed: 0 } });
    expect(await bootOf({ loader_main: EXEC })).toMatchObject({ reason: "exec" });
  });

  it.each(READERS)("%s traps", async (name) => {
    for (const loader_main of [EXEC, { call: "exit", with: [1] }])
      expect(await bootOf({ [name]: "trap", loader_main })).toMatchObject({ reason: "error" });
    // What came before is told, not what came of it.
    expect(await bootOf({ [name]: "trap", loader_main: { call: "exec_refused", with: [1n, 0, 3] } })).toMatchObject({
      error: { name: "MemoryError" },
    });
  });

  it.each(READERS)("%s calls imports: nothing is done behind the end", async (name) => {
    const console = new BufferConsole();
    for (const deed of [{ call: "putc", with: [65] }, { call: "exit", with: [0] }, EXEC]) {
      const result = await bootOf({ [name]: deed, loader_main: EXEC }, { console });
      expect(result).toMatchObject({ error: { name: "InternalError", message: expect.stringMatching(DENIED) } });
    }
    expect(console.text).toBe("");
  });

  it.each<[string, Deed]>([
    ["healedReads", { type: "i64", value: 5n }],
    ["profileFacts", { type: "i32", value: 12 }],
    ["markOffset", { type: "f64", value: 0.5 }],
    ["markOffset", { type: "i64", value: 2n ** 62n }],
  ])("%s gives what it can't", async (name, deed) => {
    const { error } = (await bootOf({ [name]: deed, loader_main: EXEC })) as { error?: { message: string } };
    expect(error).toMatchObject({ name: "InternalError" });
    expect(error?.message).toContain(`the core's ${name} gives `);
  });

  it.each<[string, Deed]>([
    ["trap", "trap"],
    ["calls imports", { call: "poll", with: [] }],
    ["calls them for ever", "loop"],
    ["gives no number of 64 bits", { type: "f64", value: Number.NaN }],
  ])("one that can't tell its fuel has used it: %s", async (_what, fuelLeft) => {
    expect(await bootOf({ fuelLeft })).toMatchObject({ reason: "exit", fuelUsed: LIMITS.fuel });
  });

  it("what it has to say behind its end has an end", async () => {
    const result = await bootOf({ loader_main: "trap", flushOutput: "loop" });
    expect(result).toMatchObject({ reason: "error" });
    expect(result.hostCalls).toBeLessThan(100_000);
  });

  it("a hook that there isn't is asked for nothing", async () => {
    const hooks = { onExec: () => undefined };
    const ask_kernel: Deed = { call: "ask_kernel", with: [0, 4, 0, 4, 0, 0] };
    expect(await bootOf({ seedHash: ask_kernel }, { hooks })).toMatchObject({ reason: "exit", exitCode: 1 });
    const ask_setenv: Deed = { call: "ask_setenv", with: [0, 4, 0, 4, 0, 0] };
    expect(await bootOf({ seedHash: ask_setenv }, { hooks })).toMatchObject({ reason: "exit", exitCode: 1 });
  });
});
