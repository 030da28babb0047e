// What a result tells of the environment that a kernel finds: strings with a NUL each, up to an empty one, in as many bytes as
// are looked at.

import * as fc from "fast-check";
import { expect, it } from "vitest";
import { decodeBootData } from "../../build/host/handoff/metadata.js";
import { CpuState } from "../../build/host/handoff/registers.js";
import { LoaderMemory } from "../../build/host/memory/loader.js";

const STACK = 0x1000;
const MODULEP = 0x2000;
const ENVP = 0x10_0000;
/** Bytes of an environment that are looked at. */
const LOOKED_AT = 1024 * 1024;

/** What is made of these bytes of an environment. */
function decoded(bytes: Uint8Array): Record<string, string> {
  const guest = new LoaderMemory(4 << 20, 0);
  const words = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
  guest.copyin(words(0, MODULEP, 0), BigInt(STACK));
  const [name, envp, end] = [1, 0x8006, 0];
  guest.copyin(words(name, 8, 0x6b, 0, envp, 8, ENVP, 0, end, 0), BigInt(MODULEP));
  guest.copyin(bytes, BigInt(ENVP));
  const cpu = new CpuState();
  cpu.rsp = BigInt(STACK);
  // Page tables make it an amd64 kernel.
  cpu.setcr(3, 0x3000n);
  const { environment } = decodeBootData(cpu, guest);
  guest.release();
  return environment;
}

const latin1 = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));

it("has each string whole, and none behind an empty one", async () => {
  const letter = fc.integer({ min: 1, max: 255 }).filter((code) => code !== 0x3d);
  const text = (minLength: number) =>
    fc.array(letter, { minLength, maxLength: 40 }).map((codes) => String.fromCharCode(...codes));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(text(1), text(0)), { maxLength: 30 }), async (pairs) => {
      const strings = pairs.map(([name, value]) => `${name}=${value}\0`).join("");
      const last = new Map(pairs);
      expect(Object.entries(decoded(latin1(`${strings}\0behind=it\0`))).sort()).toEqual([...last].sort());
    }),
  );
});

it("has a string of more than 64 KiB whole", () => {
  expect(decoded(latin1(`long=${"v".repeat(200_000)}\0\0`)).long).toHaveLength(200_000);
});

it("looks at a MiB, and leaves out the string that has its NUL behind it", () => {
  const filler = "f".repeat(LOOKED_AT - "a=\0b=\0".length);
  const fits = decoded(latin1(`a=${filler}\0b=\0c=behind\0\0`));
  expect([fits.a?.length, fits.b, fits.c]).toEqual([filler.length, "", undefined]);
  const cut = decoded(latin1(`a=${filler}\0b=1\0\0`));
  expect([cut.a?.length, cut.b]).toEqual([filler.length, undefined]);
});

it("is nothing where memory ends without a NUL", () => {
  const guest = LOOKED_AT * 3;
  expect(decoded(new Uint8Array(guest).fill(0x78))).toEqual({});
});
