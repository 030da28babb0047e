// The shape of the sources: which layer may import which (ARCHITECTURE.md), and that no imports go in circles.

import { describe, expect, test } from "vitest";
import { circlesIn, importsOf } from "./imports.js";

/** The layers of the core from the bottom up; a file belongs to the first one whose path it begins with. */
const LAYERS = [
  "protocol.ts",
  "lib/",
  "compression/",
  "environment/",
  "storage/",
  "zfs/",
  "console/",
  "dev/",
  "fs/",
  "files/",
  "load/",
  "boot/",
  "inspect/",
  "conf.ts",
  "main.ts",
  "interp/simp/",
  "interp/forth/",
  "interp/lua/values/",
  "interp/lua/run/",
  "interp/lua/compile/",
  "interp/lua/lib/",
  "interp/lua/",
  "userboot_",
];

/** Layers that know nothing of each other, though one is above the other in the table. */
const APART: [above: string, below: string][] = [
  ["console/", "storage/"],
  ["console/", "zfs/"],
  ["console/", "compression/"],
  ["interp/forth/", "interp/simp/"],
  ["interp/lua/", "interp/simp/"],
  ["interp/lua/", "interp/forth/"],
  ["interp/", "conf.ts"],
  ["interp/", "main.ts"],
];

const core = importsOf("loader-wasm");
const layerOf = (file: string) => LAYERS.findIndex((layer) => file.startsWith(layer));

describe("the core's layers", () => {
  test("every file is in one", () => {
    expect(core.size).toBeGreaterThan(100);
    expect([...core.keys()].filter((file) => layerOf(file) < 0)).toEqual([]);
  });

  test("imports point down", () => {
    const upward = [...core].flatMap(([file, targets]) =>
      targets.filter((target) => layerOf(target) > layerOf(file)).map((target) => `${file} imports ${target}`),
    );
    expect(upward).toEqual([]);
  });

  test("layers side by side don't know each other", () => {
    const across = [...core].flatMap(([file, targets]) =>
      targets
        .filter((target) => APART.some(([above, below]) => file.startsWith(above) && target.startsWith(below)))
        .map((target) => `${file} imports ${target}`),
    );
    expect(across).toEqual([]);
  });
});

describe("imports go in no circles", () => {
  test("in the core", () => expect(circlesIn(core)).toEqual([]));

  test("in the host", () => expect(circlesIn(importsOf("host"))).toEqual([]));

  test("and those that do are found", () => {
    const graph = new Map([
      ["a", ["b", "d"]],
      ["b", ["c"]],
      ["c", ["a"]],
      ["d", ["d"]],
      ["e", ["a"]],
    ]);
    expect(circlesIn(graph)).toEqual([["d"], ["a", "b", "c"]]);
  });
});
