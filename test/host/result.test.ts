// What a result lets a caller do with the guest's memory, and what no more once it is given back.

import { boot, HandoffError, pack, ReleasedError, v86Options } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { bootGuest } from "../e2e/guest.js";

const ISOLATIONS = ["none", "thread", "process"] as const;

describe.each(ISOLATIONS)("a result (%s)", (isolation) => {
  it("is of no use for its memory once it is released", async () => {
    const result = await bootGuest("i386", "simp", { isolation });
    if (result.reason !== "exec") throw new Error(JSON.stringify(result.error));
    const { guestMemory, registers } = result;
    expect(guestMemory.read(Number(registers.rsp), 16)).toHaveLength(16);
    expect(pack(result).buffer).toBeInstanceOf(ArrayBuffer);
    const machine = await pack(result, "machine");
    expect(Buffer.from(machine.subarray(0, 8)).toString()).toBe("userboot");
    const late = pack(result, "machine");
    result.release();
    await expect(late).rejects.toThrow(ReleasedError);
    const uses = {
      pack: () => pack(result),
      core: () => pack(result, "core"),
      v86: () => v86Options(result),
      read: () => guestMemory.read(0, 1),
      bytes: () => guestMemory.bytes,
      written: () => guestMemory.written,
    };
    for (const use of Object.values(uses)) {
      expect(use).toThrow(ReleasedError);
      expect(use).toThrow("guest memory is released: read or pack it before");
    }
    // What is no memory stays, and giving it back twice is no mistake.
    expect(guestMemory.low).toBeGreaterThan(0);
    expect(result.memory.length).toBeGreaterThan(0);
    expect(() => result.release()).not.toThrow();
  });

  it("has what its reason says, and nothing else", async () => {
    const entered = await bootGuest("amd64", "simp", { isolation });
    expect(entered).toMatchObject({ reason: "exec", arch: "amd64" });
    expect(Object.keys(entered)).not.toEqual(expect.arrayContaining(["gdt"]));
    expect(entered.error ?? entered.exitCode ?? entered.bootProblem).toBeUndefined();
    const ended = await boot({ isolation, limits: { fuel: 1 } });
    expect(ended).toMatchObject({ reason: "error", error: { name: "LimitError" } });
    expect(ended.registers ?? ended.arch ?? ended.gdt ?? ended.exitCode).toBeUndefined();
    expect(() => pack(ended)).toThrow(HandoffError);
  });
});
