// What later loaders do in their own way with what they load, and with what they tell the kernel.

import { describe, expect, it } from "vitest";
import { linkedFile, objectFile } from "../support/elf_image.js";
import { guestBytes, prompt } from "../support/prompt.js";

const KERNEL = "/boot/kernel/kernel";
const segments = [{ size: 8000 }, { size: 3000, bss: 500, writable: true }];
const kernelOf = (bits: 32 | 64) => linkedFile({ bits, segments, versions: [{ name: "kernel", version: 1 }] }).bytes;
const kernel = kernelOf(64);

describe("modules", () => {
  const startup = Buffer.from("what is called 1st");
  const files = { [KERNEL]: kernel, "/m.ko": objectFile({ startup }), "/n.ko": objectFile({}) };
  const loaded = async (profile: 13 | 14) => {
    const { result } = await prompt(files, [`load ${KERNEL}`, "load /m.ko", "load /n.ko", "boot"], { profile });
    expect(result.reason).toBe("exec");
    const [, module] = result.modules;
    return { size: module!.size, bytes: guestBytes(result, Number(module!.address), module!.size) };
  };

  it("of 14 have their lists of what is called first, and their symbols once", async () => {
    const [before, now] = [await loaded(13), await loaded(14)];
    expect(before.bytes.includes(startup)).toBe(false);
    expect(now.bytes.includes(startup)).toBe(true);
    // A table of 48 bytes was counted twice; the list takes its place.
    expect(before.size - now.size).toBe(48 - 24);
  });
});

describe("other files", () => {
  it.each([
    [14, false],
    [15, true],
  ] as const)("of %d start where the one before ends, or at a page", async (profile, atPage) => {
    const files = { [KERNEL]: kernel, "/a": "first", "/b": "second" };
    const lines = [`load ${KERNEL}`, "load -t blob /a", "load -t blob /b", "boot"];
    const { result } = await prompt(files, lines, { profile });
    const [, a, b] = result.modules.map(({ address, size }) => ({ address: Number(address), size }));
    const end = a!.address + a!.size;
    expect(b!.address).toBe(atPage ? Math.ceil(end / 4096) * 4096 : end);
    expect(guestBytes(result, b!.address, b!.size).toString()).toBe("second");
  });
});

describe("the address of what is loaded", () => {
  it.each([
    [32, 13, 8],
    [32, 14, 4],
    [64, 14, 8],
  ] as const)("for a kernel of %d bits has with %d %d bytes", async (bits, profile, size) => {
    const { result } = await prompt({ [KERNEL]: kernelOf(bits) }, [`load ${KERNEL}`, "boot"], { profile });
    const [module] = result.modules;
    expect(Number(module!.address)).toBeGreaterThan(0);
    const value = (name: string) => Number(module!.metadata.find((record) => record.name === name)?.value);
    const data = guestBytes(result, value("ENVP"), value("KERNEND") - value("ENVP"));
    const header = Buffer.alloc(8 + size);
    header.writeUInt32LE(3);
    header.writeUInt32LE(size, 4);
    header.writeUInt32LE(Number(module!.address), 8);
    expect(data.includes(header)).toBe(true);
    expect(module!.size).toBeGreaterThan(11_000);
  });
});

describe("arguments", () => {
  const booted = async (profile: 12 | 13 | 14 | 15, ...lines: string[]) => {
    const { result } = await prompt({ [KERNEL]: kernel }, [`load ${KERNEL}`, ...lines], { profile });
    const [module] = result.modules;
    const howto = Number(module!.metadata.find(({ name }) => name === "HOWTO")?.value);
    return { howto, args: module!.args, environment: result.environment };
  };

  it("of 15 mute the kernel's messages", async () => {
    expect((await booted(15, "boot -M")).howto).toBe(0x800000);
    expect((await booted(14, "boot -M")).howto).toBe(0);
    expect((await booted(15, "set boot_mutemsgs=YES", "boot")).howto).toBe(0x800000);
    expect((await booted(14, "set boot_mutemsgs=YES", "boot")).howto).toBe(0);
  });

  it("of 13 are parted by tabs, too", async () => {
    expect((await booted(12, 'boot "-s\t-v"')).howto).toBe(0x802);
    expect((await booted(13, 'boot "-s\ta=b"')).environment).toMatchObject({ a: "b" });
    expect((await booted(12, 'boot "-s\ta=b"')).environment).not.toHaveProperty("a");
  });

  it("of 14 are left whole for the kernel, but for values of more than 127 bytes with their names", async () => {
    const kept = async (profile: 13 | 14) => {
      const args = `load ${KERNEL} a=${"x".repeat(200)}`;
      const { result } = await prompt({ [KERNEL]: kernel }, [args, "boot"], { profile });
      return [result.modules[0]!.args, result.environment.a?.length];
    };
    expect(await kept(13)).toEqual(["a", 200]);
    expect(await kept(14)).toEqual([`a=${"x".repeat(200)}`, 125]);
  });
});
