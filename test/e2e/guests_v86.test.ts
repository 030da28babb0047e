// The i386 guest in v86, a PC emulator in WebAssembly: with and without a BIOS, as a new emulator's first
// guest and attached to one that runs.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { attach, type BootResult, memoryMap, type V86Like, v86Options } from "userboot-wasm";
import { expect, test } from "vitest";
import { bootGuest, image, report } from "./guest.js";

interface Emulator extends V86Like {
  v86: V86Like["v86"] & {
    cpu: {
      devices: {
        vga: {
          vga256_palette: Int32Array;
          dac_map: Uint8Array;
          miscellaneous_graphics_register: number;
          max_cols: number;
        };
        ps2: { enable_keyboard_stream: boolean };
      };
    };
  };
  add_listener(event: "serial0-output-byte", listener: (byte: number) => void): void;
  destroy(): Promise<void>;
}
type V86Constructor = new (options: object) => Emulator;

const MEMORY = 64 * 1024 * 1024;
const BIOS = "/usr/share/seabios/bios-256k.bin";
const WAIT_MS = 20_000;

const resolve = createRequire(import.meta.url).resolve;
const library = find(() => resolve("v86"));
const bios = find(() => readFileSync(BIOS));
if (library === undefined) console.warn("skipped: the package v86 is not installed");
else if (bios === undefined) console.warn(`skipped in part: there is no ${BIOS} (package seabios)`);

function find<T>(get: () => T): T | undefined {
  try {
    return get();
  } catch {
    return undefined;
  }
}

/** An emulator, and what its serial port says up to the line that the test kernel ends with. */
async function emulator(options: object): Promise<{ emulator: Emulator; serial: Promise<string> }> {
  const { V86 } = (await import(library as string)) as { V86: V86Constructor };
  const wasm = new URL("v86.wasm", `file://${library}`).pathname;
  const made = new V86({ wasm_path: wasm, disable_keyboard: true, disable_mouse: true, log_level: 0, ...options });
  const serial = new Promise<string>((done, fail) => {
    let text = "";
    const timer = setTimeout(() => fail(new Error(`v86 printed only: ${text}`)), WAIT_MS);
    made.add_listener("serial0-output-byte", (byte) => {
      text += String.fromCharCode(byte);
      if (!/^end: [^\n]*\n/m.test(text)) return;
      clearTimeout(timer);
      done(text);
    });
  });
  return { emulator: made, serial };
}

function expectGuest(serial: string, result: BootResult): void {
  const kernel = report(serial);
  expect(kernel.fields("entry")[0]).toMatchObject({ return: "0xbeefface", modulep: result.bootData?.modulep });
  expect(kernel.texts("env").sort()).toEqual(
    Object.entries(result.environment)
      .map((entry) => entry.join("="))
      .sort(),
  );
  expect(kernel.fields("file").map(({ name }) => name)).toEqual(result.modules.map(({ name }) => name));
  expect(kernel.fields("smap")).toHaveLength(memoryMap("v86", MEMORY).length);
}

const booted = bootGuest("i386", "simp", { memory: MEMORY, map: memoryMap("v86", MEMORY) });
const disk = () => new Uint8Array(image("i386")).buffer;

test.skipIf(library === undefined)("as the first guest of an emulator without BIOS", async () => {
  const result = await booted;
  const { emulator: v86, serial } = await emulator({ ...v86Options(result, [disk()]), autostart: true });
  expectGuest(await serial, result);
  // What a BIOS does for screen and keyboard is done: grey is grey, text is at 0xb8000, keys are told.
  const { ps2, vga } = v86.v86.cpu.devices;
  expect(vga.vga256_palette[vga.dac_map[7]!]).toBe(0xa8a8a8);
  expect(vga.vga256_palette[vga.dac_map[6]!]).toBe(0xa85700);
  expect(vga.miscellaneous_graphics_register).toBe(0x0e);
  expect(vga.max_cols).toBe(80);
  expect(ps2.enable_keyboard_stream).toBe(true);
  await v86.destroy();
});

test.skipIf(library === undefined || bios === undefined)("as the first guest of an emulator with BIOS", async () => {
  const result = await booted;
  const { emulator: v86, serial } = await emulator({
    ...v86Options(result, [disk()]),
    bios: { buffer: new Uint8Array(bios as Buffer).buffer },
    autostart: true,
  });
  expectGuest(await serial, result);
  await v86.destroy();
});

test.skipIf(library === undefined || bios === undefined)(
  "attached to an emulator that runs something else",
  async () => {
    const result = await booted;
    const { emulator: v86, serial } = await emulator({
      memory_size: MEMORY,
      bios: { buffer: new Uint8Array(bios as Buffer).buffer },
      autostart: true,
    });
    await new Promise((done) => setTimeout(done, 1500));
    await attach(v86, result);
    expectGuest(await serial, result);
    await v86.destroy();
  },
);
