// Helpers of the tests that run the project's own guests: their images, what the test kernel prints, and
// whether the programs that run them are installed.

import { spawnSync } from "node:child_process";
import { type BootOptions, type BootResult, boot, type Flavour } from "userboot-wasm";
import { test } from "vitest";
import { GUESTS, guestImage } from "../support/guests.js";

export type Arch = keyof typeof GUESTS;
export const ARCHES = Object.keys(GUESTS) as Arch[];

export const image = (arch: Arch): Uint8Array => guestImage(GUESTS[arch]);

/** Boots a guest with one interpreter, which it isn't asked about. */
export function bootGuest(arch: Arch, loader: Flavour, more: BootOptions = {}): Promise<BootResult> {
  return boot({ disks: [image(arch)], start: loader, interfaceVersion: 4, clock: "virtual", ...more });
}

/** `test`, or a skipped one that says why when `program` isn't installed. */
export function testWith(program: string): typeof test | typeof test.skip {
  const found = spawnSync(program, ["--version"]).error === undefined;
  if (!found) console.warn(`skipped: ${program} is not installed`);
  return found ? test : test.skip;
}

/** What the test kernel printed, by the word before the colon. */
export interface Report {
  lines: string[];
  /** `name=value` fields of all lines that begin with `key:`. */
  fields(key: string): Record<string, string>[];
  /** The rest of all lines that begin with `key:`. */
  texts(key: string): string[];
}

/** Reads the kernel's report out of what came over the serial line. */
export function report(serial: string): Report {
  const all = serial.split(/\r?\n/);
  const lines = all.slice(all.findIndex((line) => line.startsWith("userboot-wasm test kernel")));
  const texts = (key: string) =>
    lines.filter((line) => line.startsWith(`${key}: `)).map((line) => line.slice(key.length + 2));
  return {
    lines,
    texts,
    fields: (key) =>
      texts(key).map((text) => Object.fromEntries([...text.matchAll(/(\w+)=(\S+)/g)].map(([, k, v]) => [k, v]))),
  };
}

/** Runs a program with nothing on its standard input; its output. */
export function output(program: string, args: string[]): string {
  const { stdout, stderr, error, signal } = spawnSync(program, args, {
    encoding: "latin1",
    timeout: 60_000,
    input: "",
  });
  if (error) throw error;
  if (signal) throw new Error(`${program} was ended by ${signal}: ${stdout}${stderr}`);
  return stdout + stderr;
}
