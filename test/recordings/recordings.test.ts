// Images that other programs made, as they are kept in the repository, have what was put in them.

import type { DiskSource } from "userboot-wasm";
import { beforeAll, describe, expect, it } from "vitest";
import { prompt } from "../support/prompt.js";
import { expectTree } from "../support/trees.js";
import { IMAGES, PARTITIONS, record, recorded, TREE } from "./recordings.js";

beforeAll(() => {
  if (process.env.USERBOOT_RECORD === "1") record();
}, 120_000);

describe("a recorded image", () => {
  it.each(IMAGES)("%s has its tree", async (name) => {
    expect((await expectTree(recorded(name), TREE)).diagnostics).toEqual([]);
  });
});

describe("a recorded partition table", () => {
  const KINDS: Readonly<Record<string, string>> = {
    a501: "FreeBSD boot",
    a502: "FreeBSD swap",
    a503: "FreeBSD UFS",
    a504: "FreeBSD ZFS",
    ef00: "EFI",
  };
  const size = (first: number, last: number): string => `${Math.floor((last - first + 1) / 2)}KB`.padStart(6);
  const lines = PARTITIONS.map(
    ([number, first, last, type]) => `      disk0p${number}: ${KINDS[type]}\t${size(first, last)}`,
  );
  const listed = async (disk: DiskSource) => {
    const { output, diagnostics } = await prompt([disk], ["lsdev -v"]);
    return { lines: output[0]?.split("\n").slice(4, -1), diagnostics };
  };

  it("has its partitions, and by its backup too", async () => {
    expect(await listed(recorded("gpt"))).toEqual({ lines, diagnostics: [] });
    for (const at of [512, recorded("gpt").size - 512]) {
      const disk = recorded("gpt");
      disk.write(at, Buffer.alloc(512));
      expect((await listed(disk)).lines).toEqual(lines);
    }
  });

  it("with any bit of its headers and first entries changed has the same ones, or names what is wrong", async () => {
    const last = recorded("gpt").size - 512;
    for (const [at, count] of [
      [512, 92],
      [1024, 256],
      [last, 92],
    ] as const) {
      for (let byte = 0; byte < count; byte += 3) {
        const disk = recorded("gpt");
        const cell = Buffer.alloc(1);
        disk.read(at + byte, cell);
        disk.write(at + byte, Uint8Array.of(cell[0]! ^ (1 << (byte & 7))));
        const { lines: got, diagnostics } = await listed(disk);
        expect([at + byte, got]).toEqual([at + byte, lines]);
        // The backup is only looked at when it says something else than the primary.
        if (at !== last) expect([at + byte, diagnostics.length]).toEqual([at + byte, 1]);
      }
    }
  });
});
