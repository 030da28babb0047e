// What is given may be of another realm, as values are that come from Node's `vm` or, in pages (test/e2e/realms.test.ts), from a
// frame: they are no instances of this realm's classes, and as good.

import { readFileSync } from "node:fs";
import { createContext, runInContext } from "node:vm";
import { AssetError, type BootOptions, boot, inspect, KeysConsole, OptionError, preload } from "userboot-wasm";
import { expect, it } from "vitest";
import { modulePath } from "../support/flavours.js";
import { guestImage } from "../support/guests.js";

const image = guestImage("amd64-ufs2-gpt");
const context = createContext();

/** What a text makes there of this realm's bytes. */
const elsewhere = <T>(text: string, content: Uint8Array = image): T =>
  runInContext(`(content) => ${text}`, context)(content) as T;
const BYTES = "Uint8Array.from(content)";
const run = async (options: BootOptions) => {
  const console = new KeysConsole([" more /note\r", "more host0:/note\r", "boot\r"]);
  const booted = await boot({ start: "simp", interfaceVersion: 4, clock: "virtual", console, ...options });
  return { reason: booted.reason, text: console.text };
};

it("is of another realm indeed", () => {
  for (const text of [BYTES, `${BYTES}.buffer`, "new Map()", "Promise.resolve()"]) {
    const value = elsewhere<object>(text, new Uint8Array(1));
    for (const kind of [Uint8Array, ArrayBuffer, Map, Promise]) expect(value).not.toBeInstanceOf(kind);
  }
});

it.each([
  ["bytes", BYTES],
  ["a part of bytes", "((all) => (all.set(content, 512), all.subarray(512)))(new Uint8Array(content.length + 512))"],
  ["an ArrayBuffer", `${BYTES}.buffer`],
  ["an image that is described", `({ image: ${BYTES}, format: "raw" })`],
] as const)("%s is a disk", async (_, text) => {
  for (const isolation of ["thread", "none", "process"] as const) {
    expect(await run({ disks: [elsewhere(text)], isolation }), isolation).toMatchObject({ reason: "exec" });
  }
  const inspection = await inspect({ disks: [elsewhere(text)] });
  expect(inspection.device).toBe("disk0p2:");
  await inspection.close();
});

it("an image of it may be empty, which is said", async () => {
  for (const text of ["new Uint8Array()", "new ArrayBuffer()"]) {
    await expect(run({ disks: [elsewhere(text)] })).rejects.toThrow("disks[0] is empty, not a disk image");
  }
  await expect(run({ disks: [elsewhere("Promise.resolve(content)")] })).rejects.toThrow("disks[0] is a promise");
  for (const text of ["new Uint16Array(8)", "new DataView(new ArrayBuffer(8))", "new Set()"]) {
    await expect(run({ disks: [elsewhere(text)] })).rejects.toThrow(/^disks\[0\] must be a path, bytes/);
  }
});

it.each([
  ["a Map", "new Map([[path, NOTE]])"],
  ["an object", "({ [path]: NOTE })"],
])("trees and overlays are %s of it", async (_, text) => {
  const files = (path: string) =>
    elsewhere<ReadonlyMap<string, Uint8Array>>(
      text.replace("path", JSON.stringify(path)).replace("NOTE", BYTES),
      new TextEncoder().encode(`of ${path}\n`),
    );
  for (const isolation of ["thread", "none"] as const) {
    const { text } = await run({ disks: [image], overlay: files("/note"), hostTrees: [files("note")], isolation });
    expect(text).toContain("of /note\r\n");
    expect(text).toContain("of note\r\n");
  }
  const wrong = { "/note": elsewhere<Uint8Array>("new Uint16Array(1)") };
  await expect(run({ overlay: wrong })).rejects.toThrow(OptionError);
  await expect(run({ hostTrees: [wrong] })).rejects.toThrow(OptionError);
});

it("modules are given by it, and promised", async () => {
  const content = readFileSync(modulePath("simp"));
  for (const text of [BYTES, `${BYTES}.buffer`, `Promise.resolve(${BYTES})`]) {
    for (const isolation of ["thread", "none"] as const) {
      const modules = { simp: elsewhere<ArrayBuffer>(text, content) };
      expect(await run({ disks: [image], assets: { modules }, isolation }), text).toMatchObject({ reason: "exec" });
    }
  }
  const module = elsewhere<WebAssembly.Module>("new WebAssembly.Module(content)", content);
  expect(module).not.toBeInstanceOf(WebAssembly.Module);
  for (const isolation of ["thread", "none"] as const) {
    expect(await run({ disks: [image], assets: { modules: { simp: module } }, isolation })).toMatchObject({
      reason: "exec",
    });
  }
  const broken = preload({ assets: { modules: { simp: elsewhere("Promise.reject(5)") } }, flavours: ["simp"] });
  await expect(broken).rejects.toThrow(AssetError);
});

it("a hook replaces a file by bytes of it", async () => {
  const note = new TextEncoder().encode("of the hook\n");
  for (const isolation of ["thread", "process", "none"] as const) {
    const onFile = ({ path }: { path: string }) =>
      path === "/boot/notes.txt" ? { replace: elsewhere<Uint8Array>(BYTES, note) } : undefined;
    const console = new KeysConsole([" more /boot/notes.txt\r", "quit\r"]);
    const options = { start: "simp", interfaceVersion: 4, clock: "virtual", console, isolation } as const;
    await boot({ ...options, disks: [image], hooks: { onFile } });
    expect(console.text, isolation).toContain("of the hook\r\n");
  }
});
