import { readFileSync } from "node:fs";
import fc from "fast-check";
import { type BootHooks, type BootOptions, type BootResult, boot, KeysConsole, PolicyFileError } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { guestImage } from "../support/guests.js";

const amd64 = guestImage("amd64-ufs2-gpt");
const NOTES = readFileSync(new URL("../../images/trees/common/boot/notes.txt", import.meta.url));

const run = (hooks: BootHooks | undefined, more: BootOptions = {}): Promise<BootResult> =>
  boot({ disks: [amd64], start: "simp", clock: "virtual", isolation: "none", ...(hooks && { hooks }), ...more });

describe.each(["none", "thread", "process"] as const)("hooks (isolation: %s)", (isolation) => {
  it("see every file once, with its content's digest, before it is used", async () => {
    const seen: string[] = [];
    const result = await run(
      { onFile: (file) => void seen.push(`${file.purpose} ${file.path} ${file.size}`) },
      { isolation },
    );
    expect(result.reason).toBe("exec");
    expect(seen).toContain(`raw /boot/notes.txt ${NOTES.length}`);
    expect(seen.filter((line) => line.startsWith("kernel"))).toHaveLength(1);
    expect(seen.findIndex((line) => line.startsWith("script"))).toBeLessThan(
      seen.findIndex((line) => line.startsWith("kernel")),
    );
  });

  it("change nothing when they have no objection", async () => {
    const plain = await run(undefined, { isolation, digests: true });
    const hooked = await run({ onFile: () => undefined, onSetenv: () => undefined }, { isolation, digests: true });
    expect(hooked.memory).toEqual(plain.memory);
    expect(hooked.calls).toEqual(plain.calls);
  });

  it("put other bytes in a file's place", async () => {
    const replacement = Buffer.from("from the operator, and longer than what was there before it".repeat(1000));
    const result = await run(
      { onFile: (file) => (file.path === "/boot/notes.txt" ? { replace: replacement } : undefined) },
      { isolation },
    );
    const notes = result.modules.find((module) => module.name === "/boot/notes.txt")!;
    expect(notes.size).toBe(replacement.length);
    const start = Number(notes.address);
    expect(Buffer.from(result.guestMemory.bytes.subarray(start, start + notes.size))).toEqual(replacement);
  });

  it("deny a file: rule and subject are named and nothing is handed on", async () => {
    const result = await run(
      { onFile: (file) => (file.purpose === "module" ? { deny: "no modules here", rule: "r7" } : undefined) },
      { isolation },
    );
    expect(result.reason).toBe("error");
    expect(result.error).toMatchObject({
      name: "PolicyError",
      rule: "r7",
      subject: "file disk0p2:/boot/kernel/ubdemo.ko",
    });
    expect(result.error?.message).toContain("no modules here");
    expect(result.memory).toEqual([]);
    expect(result.modules).toEqual([]);
    expect(result.calls).toEqual([]);
  });

  it("decide on variables, the kernel's arguments and the last step", async () => {
    const result = await run(
      {
        onEnvironment: () => ({ "operator.uuid": "42", dropped: null }),
        onSetenv: (name, value) => (name === "demo.note" ? { value: `${value}!` } : undefined),
        onKernel: (kernel) => ({ args: `${kernel.args.split(" ").length > 0 ? "-s" : ""}v` }),
        onExec: (machine) => (machine.environment["operator.uuid"] === "42" ? undefined : { deny: "uuid" }),
      },
      { isolation, env: ["dropped=x"] },
    );
    expect(result.reason).toBe("exec");
    expect(result.environment).toMatchObject({ "operator.uuid": "42", "demo.note": "a value with spaces!" });
    expect(result.environment).not.toHaveProperty("dropped");
    expect(result.modules[0]?.args).toBe("-sv");
  });

  it.each([
    ["onSetenv", { onSetenv: () => ({ deny: "no" }) }, /variable .* denied by onSetenv: no/],
    ["onKernel", { onKernel: () => ({ deny: "no" }) }, /kernel \/boot\/kernel\/kernel denied by onKernel: no/],
    ["onExec", { onExec: () => ({ deny: "no" }) }, /entering the kernel denied by onExec: no/],
  ] as [string, BootHooks, RegExp][])("deny in %s", async (_name, hooks, message) => {
    const result = await run(hooks, { isolation });
    expect(result.error?.name).toBe("PolicyError");
    expect(result.error?.message).toMatch(message);
    expect(result.memory).toEqual([]);
  });

  it.each([
    [
      "throws",
      {
        onFile: () => {
          throw new Error("oops");
        },
      },
      "hook onFile failed: oops",
    ],
    [
      "answers a number",
      { onFile: () => 3 },
      "hook onFile answered number; it must answer nothing, { deny } or { replace }",
    ],
    ["answers for another hook", { onKernel: () => ({ value: "x" }) }, "hook onKernel answered an object with value"],
  ])("reject when a hook %s", async (_name, hooks, message) => {
    const booting = run(hooks as unknown as BootHooks, { isolation });
    await expect(booting).rejects.toThrow(PolicyFileError);
    await expect(booting).rejects.toThrow(message);
  });

  it("type for the operator", async () => {
    const result = await run(
      {
        automation: [
          { expect: "any other key for command prompt.", send: " " },
          { expect: "OK ", send: "set operator=here\rboot -s\r" },
        ],
      },
      { isolation, console: new KeysConsole([]) },
    );
    expect(result.reason).toBe("exec");
    expect(result.environment.operator).toBe("here");
    expect(result.modules[0]?.args).toBe("-s");
  });
});

describe("measured boot", () => {
  const measured = async (image: Uint8Array) => (await run(undefined, { disks: [image], measure: true })).measurements!;
  /** A copy with one bit of the byte at `at` changed. */
  const flipped = (at: number) => {
    const copy = amd64.slice();
    copy[at]! ^= 1;
    return copy;
  };
  const find = (content: Uint8Array): number => {
    const at = Buffer.from(amd64).indexOf(content);
    expect(at).toBeGreaterThan(0);
    return at;
  };

  it("is equal on two runs, in a thread and here", async () => {
    const first = await measured(amd64);
    expect(await measured(amd64)).toEqual(first);
    expect((await run(undefined, { measure: true, isolation: "thread" })).measurements).toEqual(first);
    expect(first.files.map((file) => file.path)).toContain("/boot/kernel/kernel");
    expect(first.stateDigest).toMatch(/^[0-9a-f]{64}$/);
  });

  it("differs after any changed byte of a used file", async () => {
    const { filesDigest } = await measured(amd64);
    const plain = await run(undefined);
    const kernel = plain.guestMemory.read(Number(plain.modules[0]!.address), 4096);
    const places: [number, number][] = [
      [find(NOTES), NOTES.length],
      [find(kernel), kernel.length],
    ];
    const byte = fc.constantFrom(...places).chain(([at, size]) => fc.integer({ min: at, max: at + size - 1 }));
    await fc.assert(
      fc.asyncProperty(byte, async (at) => (await measured(flipped(at))).filesDigest !== filesDigest),
      { numRuns: 40 },
    );
  });

  it("does not change with a file that isn't used", async () => {
    const before = await measured(amd64);
    const help = readFileSync(new URL("../../images/trees/common/boot/loader.help", import.meta.url));
    expect(await measured(flipped(find(help) + 10))).toEqual(before);
  });
});
