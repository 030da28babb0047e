// The core's questions to an operator, each asked by hand: what the operator is told, what the core is answered, what it costs.

import { createHash } from "node:crypto";
import { type BootHooks, DEFAULT_LIMITS, PolicyError } from "userboot-wasm";
import { beforeEach, describe, expect, it } from "vitest";
import { CpuState } from "../../build/host/handoff/registers.js";
import { LoaderMemory } from "../../build/host/memory/loader.js";
import { loadNodeHasher } from "../../build/host/node_hash.js";
import { DirectAsker } from "../../build/host/policy/asker.js";
import { PolicyBudget } from "../../build/host/policy/budget.js";
import { permitEntry, policyImports } from "../../build/host/policy/imports.js";
import { digestFiles, digestState } from "../../build/host/policy/measure.js";
import { makePolicy } from "../../build/host/policy/policy.js";
import { unaskedImports } from "../../build/host/policy/unasked.js";
import { FileVault } from "../../build/host/policy/vault.js";
import { CONSTANTS } from "../support/abi.js";

type Call = (...values: (number | bigint)[]) => unknown;

const makeHasher = await loadNodeHasher();
const { FILE_ITSELF } = CONSTANTS as { FILE_ITSELF: bigint };
const [HOOK_FILES, HOOK_SETENV, HOOK_KERNEL] = [1, 2, 4];
const MIB = 1024 * 1024;
/** An address of the module's where answers go. */
const DST = 512;

let memory: Uint8Array;
let charged: number[];
beforeEach(() => {
  memory = new Uint8Array(4096).fill(0xee);
  charged = [];
});

/** The imports, for an operator with `hooks`. */
function asked(hooks: BootHooks | undefined, { limits = {}, examines = hooks?.onFile !== undefined } = {}) {
  const budget = new PolicyBudget({ ...DEFAULT_LIMITS, ...limits });
  const asker = hooks && new DirectAsker(hooks);
  const vault = examines ? new FileVault(asker, budget, makeHasher) : undefined;
  const guest = new LoaderMemory(MIB, 0);
  const access = {
    bytes: (address: number, size: number) => memory.subarray(address, address + size),
    put: (address: number, bytes: Uint8Array) => memory.set(bytes, address),
    text: (address: number, size: number) => Buffer.from(memory.subarray(address, address + size)).toString("latin1"),
  };
  const imports = policyImports({ asker, budget, vault }, access, guest, (bytes) => void charged.push(bytes));
  return { imports: imports as Record<string, Call>, vault, guest };
}

/** Puts texts one behind the other; the address and size of each. */
function texts(...values: string[]): number[] {
  let at = 0;
  return values.flatMap((value) => {
    memory.set(Buffer.from(value, "latin1"), at);
    at += value.length;
    return [at - value.length, value.length];
  });
}
const at = (address: number, size: number) => Buffer.from(memory.subarray(address, address + size)).toString("latin1");
const never = () => undefined;

it.each<[BootHooks | undefined, boolean, number]>([
  [undefined, false, 0],
  [undefined, true, HOOK_FILES],
  [{ onSetenv: never }, false, HOOK_SETENV],
  [{ onKernel: never }, false, HOOK_KERNEL],
  [{ onExec: never, onEnvironment: never }, false, 0],
  [{ onSetenv: never, onKernel: never, onFile: never }, true, HOOK_FILES | HOOK_SETENV | HOOK_KERNEL],
])("the core is told what is asked about: %o, examined: %s", (hooks, examines, bits) => {
  expect(asked(hooks, { examines }).imports.hooks!()).toBe(bits);
});

describe("a variable", () => {
  const ask = (hooks: BootHooks, capacity = 100) =>
    asked(hooks).imports.ask_setenv!(...texts("name\xff", "value"), DST, capacity);

  it("is told of with its value, by its bytes, and charged", () => {
    const told: string[][] = [];
    expect(ask({ onSetenv: (...facts) => void told.push(facts) })).toBe(-1);
    expect(told).toEqual([["name\xff", "value"]]);
    expect(charged).toEqual([10]);
    expect(at(DST, 1)).toBe("\xee");
  });

  it.each([
    ["other\x80", 100, "other\x80\xee"],
    ["other", 5, "other\xee"],
    ["other", 4, "othe\xee"],
    ["other", 0, "\xee"],
    ["other", -1, "other\xee"],
    ["", 9, "\xee"],
  ])("is given the value %j, in room for %i", (value, capacity, stored) => {
    expect(ask({ onSetenv: () => ({ value }) }, capacity)).toBe(value.length);
    expect(at(DST, stored.length)).toBe(stored);
  });

  it("is denied by name", () => {
    const denied = () => ask({ onSetenv: () => ({ deny: "no" }) });
    expect(denied).toThrow(PolicyError);
    expect(denied).toThrow(expect.objectContaining({ rule: "onSetenv", subject: "variable name\xff" }));
  });

  it("that nobody asks about is as it is, and costs the same", () => {
    expect(ask({ onKernel: () => ({ args: "-s" }) })).toBe(-1);
    expect(charged).toEqual([10]);
  });
});

describe("a kernel", () => {
  const ask = (hooks: BootHooks, capacity = 100) =>
    asked(hooks).imports.ask_kernel!(...texts("/boot/kernel", "-v"), DST, capacity);

  it("is told of with its arguments, and charged", () => {
    const told: unknown[] = [];
    expect(ask({ onKernel: (kernel) => void told.push(kernel) })).toBe(-1);
    expect(told).toEqual([{ path: "/boot/kernel", args: "-v" }]);
    expect(charged).toEqual([14]);
  });

  it("is given arguments", () => {
    expect(ask({ onKernel: () => ({ args: "-s" }) })).toBe(2);
    expect(at(DST, 3)).toBe("-s\xee");
    expect(ask({ onKernel: () => ({ args: "" }) })).toBe(0);
    expect(ask({ onKernel: () => ({ args: "-sv" }) }, 2)).toBe(3);
    expect(at(DST, 3)).toBe("-s\xee");
  });

  it("is denied by name", () => {
    expect(() => ask({ onKernel: () => ({ deny: "no", rule: "r" }) })).toThrow(
      expect.objectContaining({ name: "PolicyError", rule: "r", subject: "kernel /boot/kernel" }),
    );
  });

  it("that nobody asks about is as it is", () => {
    expect(ask({ onSetenv: () => ({ value: "x" }) })).toBe(-1);
  });
});

describe("questions", () => {
  /** What each counts besides its texts. */
  const EACH = 256;

  it.each([
    ["ask_setenv", { onSetenv: never }, ["name", "value"]],
    ["ask_kernel", { onKernel: never }, ["/boot/kernel", "-v"]],
    ["ask_kernel", {}, ["/boot/kernel", "-v"]],
  ] as [string, BootHooks, string[]][])("%s has a budget: as much, and no more", (name, hooks, facts) => {
    const cost = 2 * EACH + 2 * facts.join("").length;
    const twice = (hookBytes: number) => {
      const { imports } = asked(hooks, { limits: { hookBytes } });
      for (let i = 0; i < 2; i++) imports[name]!(...texts(...facts), DST, 9);
    };
    expect(() => twice(cost)).not.toThrow();
    const error = { name: "LimitError", limit: "hookBytes", allowed: cost - 1, used: cost };
    expect(() => twice(cost - 1)).toThrow(expect.objectContaining(error));
  });

  it("on files have it too, for each file once, and content one of its own", () => {
    const cost = 2 * EACH + "disk0:/adisk0:/b".length;
    const both = (hookBytes: number, examinedBytes = 30) => {
      const { imports } = asked({ onFile: never }, { limits: { hookBytes, examinedBytes } });
      for (const path of ["/a", "/b", "/a"]) {
        const handle = imports.file_begin!(...texts("disk0:", path), 0, 15n) as number;
        if (handle < 0) continue;
        imports.file_data!(handle, 0, 15);
        imports.file_end!(handle);
      }
    };
    expect(() => both(cost)).not.toThrow();
    expect(() => both(cost - 1)).toThrow(expect.objectContaining({ limit: "hookBytes", used: cost }));
    expect(() => both(cost, 29)).toThrow(
      expect.objectContaining({ name: "LimitError", limit: "examinedBytes", allowed: 29, used: 30 }),
    );
  });
});

describe("a file", () => {
  const begin = (imports: Record<string, Call>, { purpose = 2, size = 5n, path = "/boot/k" } = {}) =>
    imports.file_begin!(...texts("disk0p2:", path), purpose, size) as number;
  const given = (imports: Record<string, Call>, handle: number, content: string) => {
    memory.set(Buffer.from(content, "latin1"), 1024);
    imports.file_data!(handle, 1024, content.length);
  };
  const digest = (text: string) => createHash("sha256").update(text).digest("hex");

  it("is told of with its digest, and read from what was examined", () => {
    const told: unknown[] = [];
    const { imports, guest } = asked({ onFile: (file) => void told.push(file) });
    const handle = begin(imports);
    expect(handle).toBe(1);
    given(imports, handle, "hel");
    given(imports, handle, "lo");
    expect(told).toEqual([]);
    expect(imports.file_end!(handle)).toBe(5n);
    const facts = { device: "disk0p2:", path: "/boot/k", size: 5, sha256: digest("hello"), purpose: "kernel" };
    expect(told).toEqual([facts]);
    // It is not asked again.
    expect(imports.file_end!(handle)).toBe(5n);
    expect(begin(imports)).toBe(-1);
    expect(told).toHaveLength(1);
    charged.length = 0;
    expect(imports.file_read!(handle, 1n, DST, 3)).toBe(3);
    expect(at(DST, 4)).toBe("ell\xee");
    expect(imports.file_read!(handle, 4n, DST, -1)).toBe(1);
    expect(imports.file_read!(handle, 5n, DST, 1)).toBe(0);
    expect(imports.file_read!(handle, -1n, DST, 1)).toBe(0);
    expect(imports.file_read_guest!(handle, 2n, 0x100n, -1n)).toBe(3n);
    expect(Buffer.from(guest.read(0x100, 4)).toString("latin1")).toBe("llo\0");
    expect(imports.file_read_guest!(handle, 0n, BigInt(MIB - 4), 5n)).toBe(0n);
    expect(charged).toEqual([3, 1, 0, 0, 3, 5]);
  });

  it("is charged as it comes", () => {
    const { imports } = asked({ onFile: never });
    const handle = begin(imports);
    given(imports, handle, "four");
    given(imports, handle, "");
    expect(charged).toEqual([4, 0]);
  });

  it("is another one for another purpose, and one whose purpose isn't known is data", () => {
    const told: string[] = [];
    const { imports } = asked({ onFile: ({ purpose }) => void told.push(purpose) });
    for (const [i, purpose] of [0, 1, 2, 3, 4, 5, -1].entries()) {
      const handle = begin(imports, { purpose, path: `/${i}` });
      expect(handle).toBe(i + 1);
      imports.file_end!(handle);
    }
    expect(told).toEqual(["data", "script", "kernel", "module", "raw", "data", "data"]);
    expect(begin(imports, { purpose: 1, path: "/0" })).toBe(8);
    expect(begin(imports, { purpose: 0, path: "/0" })).toBe(-1);
  });

  it("whose size nobody knows needs no room ahead", () => {
    const { imports } = asked({ onFile: never }, { limits: { examinedBytes: 5 } });
    const handle = begin(imports, { size: FILE_ITSELF });
    given(imports, handle, "hello");
    expect(() => given(imports, handle, "!")).toThrow(expect.objectContaining({ limit: "examinedBytes", used: 6 }));
    expect(() => begin(imports, { size: 1n << 63n, path: "/x" })).toThrow(/examinedBytes/);
  });

  it("is replaced by what the operator gives, which costs the guest nothing", () => {
    const replace = Uint8Array.from(Buffer.from("replaced, and long"));
    const { imports, vault } = asked({ onFile: () => ({ replace }) }, { limits: { examinedBytes: 5 } });
    for (const path of ["/a", "/b"]) {
      const handle = begin(imports, { path });
      given(imports, handle, "hello");
      expect(imports.file_end!(handle)).toBe(BigInt(replace.length));
      expect(imports.file_read!(handle, 0n, DST, 8)).toBe(8);
      expect(at(DST, 9)).toBe("replaced\xee");
    }
    expect(vault?.files.map(({ path, size, sha256 }) => [path, size, sha256])).toEqual(
      ["/a", "/b"].map((path) => [path, replace.length, digest("replaced, and long")]),
    );
  });

  it("is denied by name, and listed no more", () => {
    const { imports, vault } = asked({ onFile: () => ({ deny: "no" }) });
    const handle = begin(imports);
    expect(() => imports.file_end!(handle)).toThrow(
      expect.objectContaining({ name: "PolicyError", rule: "onFile", subject: "file disk0p2:/boot/k" }),
    );
    expect(vault?.files).toEqual([]);
  });

  it("that is only measured is read from the disk", () => {
    const { imports, vault } = asked(undefined, { examines: true, limits: { examinedBytes: 0 } });
    const handle = begin(imports, { size: 1n << 40n });
    given(imports, handle, "hello");
    expect(imports.file_end!(handle)).toBe(FILE_ITSELF);
    expect(vault?.files).toMatchObject([{ size: 5, sha256: digest("hello") }]);
    expect(() => imports.file_read!(handle, 0n, DST, 1)).toThrow("the core reads file 1, whose content isn't here");
  });

  it("isn't there when none is examined", () => {
    const { imports } = asked({ onSetenv: never });
    expect(begin(imports)).toBe(0);
    const message = "the core names an examined file 3, and nothing is examined";
    const error = expect.objectContaining({ name: "InternalError", message });
    expect(() => imports.file_data!(3, 0, 1)).toThrow(error);
    expect(() => imports.file_end!(3)).toThrow(error);
    expect(() => imports.file_read!(3, 0n, DST, 1)).toThrow(error);
    expect(() => imports.file_read_guest!(3, 0n, 0n, 1n)).toThrow(error);
  });
});

describe("the entry of a kernel", () => {
  const cpu = new CpuState();
  cpu.setcr(3, 0x2000n);
  const guest = new LoaderMemory(MIB, 0);

  it("is told of with the machine, without the table that the host wrote", () => {
    const told: object[] = [];
    permitEntry(new DirectAsker({ onExec: (machine) => void told.push(machine) }), cpu, guest);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ arch: "amd64", modules: [], environment: {} });
    expect(told[0]).not.toHaveProperty("gdt");
  });

  it("is denied", () => {
    expect(() => permitEntry(new DirectAsker({ onExec: () => ({ deny: "no" }) }), cpu, guest)).toThrow(
      expect.objectContaining({ name: "PolicyError", rule: "onExec", subject: "entering the kernel" }),
    );
  });

  it("isn't asked about without that hook, or without an operator", () => {
    permitEntry(new DirectAsker({ onFile: () => ({ deny: "no" }) }), cpu, guest);
    permitEntry(undefined, cpu, guest);
  });
});

describe("a policy", () => {
  const bits = async (...given: Parameters<typeof makePolicy>) => {
    const policy = await makePolicy(...given);
    const access = { bytes: () => memory, put: () => {}, text: () => "" };
    const imports = policy.imports(access, new LoaderMemory(MIB, 0), () => {}) as Record<string, Call>;
    return [imports.hooks!(), policy.measurements !== undefined];
  };

  it("examines files when a hook or measuring wants them, and measures when that is wanted", async () => {
    expect(await bits(undefined, false, DEFAULT_LIMITS)).toEqual([0, false]);
    expect(await bits(new DirectAsker({ onSetenv: never }), false, DEFAULT_LIMITS)).toEqual([HOOK_SETENV, false]);
    expect(await bits(new DirectAsker({ onFile: never }), false, DEFAULT_LIMITS)).toEqual([HOOK_FILES, false]);
    expect(await bits(undefined, true, DEFAULT_LIMITS)).toEqual([HOOK_FILES, true]);
    expect(await bits(new DirectAsker({ onKernel: never }), true, DEFAULT_LIMITS)).toEqual([
      HOOK_FILES | HOOK_KERNEL,
      true,
    ]);
  });
});

describe("what was measured", () => {
  const sha256 = (...parts: (string | Uint8Array)[]) =>
    parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest("hex");
  const FILES = [
    { device: "disk0p2:", path: "/boot/k\xff", size: 5, sha256: "ab", purpose: "kernel" },
    { device: "host0:", path: "/x", size: 2 ** 40, sha256: "cd", purpose: "data" },
  ] as const;

  it("of files is their list, in its order", () => {
    const lines = ['["ab",5,"kernel","disk0p2:","/boot/k\xff"]\n', '["cd",1099511627776,"data","host0:","/x"]\n'];
    expect(digestFiles(FILES, makeHasher)).toBe(sha256(...lines));
    expect(digestFiles([...FILES].reverse(), makeHasher)).toBe(sha256(...[...lines].reverse()));
    expect(digestFiles([], makeHasher)).toBe(sha256());
  });

  it("of the machine is its registers, and each range of memory with what is there", () => {
    const guest = new LoaderMemory(MIB, 0);
    const content = [Uint8Array.of(1, 2, 3), new Uint8Array(5000).fill(9)];
    guest.copyin(content[0]!, 0x1000n);
    guest.copyin(content[1]!, 0x8000n);
    guest.copyin(Uint8Array.of(7), 0x4000n);
    const registers = { rip: "0x1" };
    const memory = [
      { gpa: "0x1000", length: 3 },
      { gpa: "0x8000", length: 5000 },
    ];
    const expected = sha256(
      '{"rip":"0x1"}\n',
      `0x1000 3 ${sha256(content[0]!)}\n`,
      `0x8000 5000 ${sha256(content[1]!)}\n`,
    );
    expect(digestState({ registers, memory } as never, guest, makeHasher)).toBe(expected);
  });

  it.each([
    ["exec", true],
    ["exit", false],
    ["error", false],
  ])("after an end by %s has a digest of the machine: %s", async (reason, has) => {
    const { measurements } = await makePolicy(undefined, true, DEFAULT_LIMITS);
    const guestMemory = new LoaderMemory(MIB, 0);
    const measured = measurements?.({ reason, registers: {}, memory: [], guestMemory } as never);
    expect(measured).toEqual({ files: [], filesDigest: sha256(), ...(has && { stateDigest: sha256("{}\n") }) });
  });
});

it("without an operator the core has nothing to ask", () => {
  const { hooks, file_begin, ...others } = unaskedImports() as Record<string, Call>;
  expect([hooks!(), file_begin!()]).toEqual([0, 0]);
  expect(Object.keys(others).sort()).toEqual(
    ["ask_kernel", "ask_setenv", "file_data", "file_end", "file_read", "file_read_guest"].sort(),
  );
  for (const call of Object.values(others))
    expect(() => call()).toThrow(expect.objectContaining({ name: "InternalError", message: "the core asks nobody" }));
});
