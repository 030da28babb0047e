// Whose loader a guest gets: what is found in it, and what the caller says.

import fc from "fast-check";
import { type BootOptions, boot, type ProfileFacts } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { linkedFile } from "../support/elf_image.js";
import { guestBytes, prompt } from "../support/prompt.js";
import type { Files } from "../support/ufs_image.js";

const KERNEL = "/boot/kernel/kernel";
const HINTS = "/boot/kernel/linker.hints";
const amd64 = linkedFile({ bits: 64, segments: [{ size: 8000 }], versions: [{ name: "kernel", version: 1 }] }).bytes;

/** A /bin/freebsd-version of the userland `version`. */
const userland = (version: string) =>
  `#!/bin/sh\n${"# words of a licence\n".repeat(70)}\nset -ef\n\nUSERLAND_VERSION="${version}"\n\n: \${ROOT:=}\n`;

/** A record of linker.hints: a number, texts behind their length, numbers at multiples of 4. */
function record(...fields: (number | string)[]): Buffer {
  const bytes: number[] = [];
  const align = () => bytes.push(...Array(-bytes.length & 3).fill(0));
  for (const field of fields) {
    if (typeof field === "string") {
      bytes.push(field.length & 0xff, ...Buffer.from(field, "latin1"));
      continue;
    }
    align();
    const number = Buffer.alloc(4);
    number.writeUInt32LE(field);
    bytes.push(...number);
  }
  align();
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length);
  return Buffer.concat([size, Buffer.from(bytes)]);
}

const VERSION = Buffer.from([2, 0, 0, 0]);
const [MODULE, MODULE_VERSION] = [2, 3];
const kernelVersion = (version: number) => record(MODULE_VERSION, "kernel", version, "kernel");
const hints = (...records: Buffer[]) => Buffer.concat([VERSION, ...records]);

const found = async (files: Files, options: BootOptions = {}): Promise<ProfileFacts | undefined> =>
  (await prompt(files, [], options)).result.profile;

describe("the release of a guest", () => {
  it.each<[string, number]>([
    ["7.4-RELEASE", 12],
    ["11.4-RELEASE-p13", 12],
    ["12.1-RELEASE", 12],
    ["12.4-STABLE", 12],
    ["13.0-RELEASE", 13],
    ["13.5-RELEASE-p1", 13],
    ["14.1-RELEASE-p3", 14],
    ["15.0-CURRENT", 15],
    ["16.0-CURRENT", 15],
    ["27.11-RELEASE", 15],
  ])("is that of its userland: %s", async (version, generation) => {
    const release = /^\d+\.\d+/.exec(version)![0];
    const marks = { "/bin/freebsd-version": userland(version), [HINTS]: hints(kernelVersion(1302001)) };
    expect(await found(marks)).toEqual({ generation, from: "/bin/freebsd-version", release });
  });

  it.each<[string, string, number]>([
    ["704100", "7.4", 12],
    ["1201000", "12.1", 12],
    ["1302001", "13.2", 13],
    ["1401000", "14.1", 14],
    ["1600012", "16.0", 15],
  ])("is that of its kernel, where the userland has none: %s", async (version, release, generation) => {
    const others = [record(MODULE, "acpi", "kernel"), record(MODULE_VERSION, "kernels", 1_000_000, "x.ko")];
    const index = hints(...others, kernelVersion(Number(version)), record(MODULE, "ufs", "kernel"));
    expect(await found({ [HINTS]: index })).toEqual({ generation, from: HINTS, release });
  });

  it.each<[string, number]>([
    ["/boot/lua/gfx-orb.lua", 13],
    ["/boot/lua/gfx-install.lua", 15],
  ])("is one that came with %s, where nothing else is", async (path, generation) => {
    expect(await found({ [path]: "", "/boot/lua/gfx-orb.lua": "" })).toEqual({ generation, from: "/boot/lua" });
  });

  it("is taken for 12.1 where nothing tells", async () => {
    const nothing = { generation: 12, from: "nothing" };
    expect(await found({ "/boot/lua/logo-orb.lua": "" })).toEqual(nothing);
    expect((await boot({ clock: "virtual", isolation: "none" })).profile).toEqual(nothing);
    const marks = [
      "",
      "14.1",
      "USERLAND_VERSION=14.1",
      userland("14"),
      userland("14,1"),
      userland("141.0"),
      userland(""),
    ];
    for (const mark of marks) expect(await found({ "/bin/freebsd-version": mark, [HINTS]: mark })).toEqual(nothing);
  });

  it("is no affair of the operator's list of files", async () => {
    const { result } = await prompt({ "/bin/freebsd-version": userland("13.2-RELEASE") }, [], { measure: true });
    expect(result.profile?.generation).toBe(13);
    expect(result.measurements?.files).toEqual([]);
  });
});

describe("the index of modules", () => {
  it("is read over as many chunks as there are", async () => {
    const many = Array.from({ length: 9000 }, (_, i) => record(MODULE, `module_${i}`, "some.ko"));
    const large = Array.from({ length: 9 }, (_, i) => record(4, "x".repeat(200), ...Array(12_000 + i).fill(i)));
    const index = hints(...many, ...large, kernelVersion(1401000));
    expect(index.length).toBeGreaterThan(600_000);
    expect(await found({ [HINTS]: index })).toMatchObject({ release: "14.1" });
  });

  it("is read up to 2 MiB", async () => {
    const large = Array.from({ length: 40 }, (_, i) => record(4, ...Array(13_000 + i).fill(i)));
    const index = hints(...large);
    expect(index.length).toBeLessThan(2 * 1024 * 1024 + 65_536);
    expect(await found({ [HINTS]: hints(...large.slice(1), kernelVersion(1401000)) })).toMatchObject({
      release: "14.1",
    });
    expect(await found({ [HINTS]: hints(...large, ...large.slice(1, 3), kernelVersion(1401000)) })).toMatchObject({
      from: "nothing",
    });
  });

  it("may be anything, and the session goes on", async () => {
    const piece = fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      fc.nat(2_000_000).map((version) => kernelVersion(version)),
      fc.constantFrom(MODULE, MODULE_VERSION).map((type) => record(type, "ufs", 1, "ufs.ko")),
      fc.nat(40_000).map((size) => record(4, ...Array(size).fill(0))),
      fc.constantFrom(Buffer.from([0xff, 0xff, 0xff, 0xff]), Buffer.from([0xfc, 0xff, 0xff, 0x7f]), Buffer.alloc(4)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
        const { result, output } = await prompt({ [HINTS]: hints(...pieces) }, ["echo on"]);
        expect(output).toEqual(["on\n"]);
        expect(result.profile?.from).toMatch(/^(nothing|\/boot\/kernel\/linker\.hints)$/);
      }),
      { numRuns: 60 },
    );
  });
});

describe("the option profile", () => {
  it.each([12, 13, 14, 15] as const)("%i is what is emulated, whatever the guest is", async (profile) => {
    const marks = { "/bin/freebsd-version": userland("13.2-RELEASE") };
    expect(await found(marks, { profile })).toEqual({ generation: profile, from: "the caller" });
    for (const isolation of ["thread", "process"] as const) {
      const result = await boot({ profile, isolation, clock: "virtual" });
      expect(result.profile).toEqual({ generation: profile, from: "the caller" });
    }
  });

  it("holds for the flavour that the guest swaps to, and so does what is found", async () => {
    const files = { "/boot/loader": "$Interpreter:lua\0", "/bin/freebsd-version": userland("14.3-RELEASE") };
    for (const profile of [15, "auto"] as const) {
      const { result } = await prompt(files, [], { interfaceVersion: 5, profile });
      expect(result.swaps).toEqual(["lua"]);
      expect(result.profile?.generation).toBe(profile === "auto" ? 14 : 15);
    }
  });
});

describe("boot page tables", () => {
  it.each([
    [12, 0x7],
    [13, 0x3],
    [14, 0x3],
    [15, 0x3],
  ] as const)("of the loader of %i have the bits %i", async (profile, bits) => {
    const { result } = await prompt({ [KERNEL]: amd64 }, [`load ${KERNEL}`, "boot"], { profile });
    expect(result.reason).toBe("exec");
    const entry = (at: number) => guestBytes(result, at, 8).readBigUInt64LE();
    expect([entry(0x2000), entry(0x3ff8), entry(0x4008)]).toEqual(
      [0x3000 | bits, 0x4000 | bits, 0x200080 | bits].map(BigInt),
    );
  });
});
