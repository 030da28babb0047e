// What is said of a guest that won't boot: the first thing that is missing.

import { expect, it } from "vitest";
import { isPoolsOwn, missingIn, poolFault, scriptsOf } from "../../build/host/inspect/verdict.js";

type Facts = Parameters<typeof missingIn>[0];
const path = "/boot/kernel/kernel";
const kernelFor = (machine: string, more: object = {}) => [{ path, machine, ...more }] as unknown as Facts["kernels"];
const told: Facts = {
  ...{ device: "disk0p2:", loaderConf: [], fstab: [], rcConf: [], problems: [] },
  interpreter: { value: "lua", file: "/boot/loader" },
  kernel: { value: path, file: "/boot/loader.conf" },
  kernels: kernelFor("amd64"),
  root: { value: "ufs:/dev/vtbd0p2", file: "/etc/fstab" },
};

it.each(["amd64", "i386"])("nothing is missing with a kernel of %s, an interpreter and a root", (machine) => {
  const kernels = kernelFor(machine);
  for (const value of ["lua", "4th", "simp"])
    expect(missingIn({ ...told, kernels, interpreter: { value, file: "/boot/loader" } })).toBeUndefined();
  const { interpreter: _, ...unmarked } = told;
  expect(missingIn({ ...unmarked, kernels })).toBeUndefined();
});

it.each<[string, Partial<Facts>]>([
  [
    'interpreter: /boot/loader wants "perl", and there are 4th, lua, simp',
    { interpreter: { value: "perl", file: "/boot/loader" } },
  ],
  ["kernel: there is none", { kernels: [] }],
  ["kernel: there is none", { kernel: { value: "/boot/other", file: "/boot/loader.conf" } }],
  [`kernel: ${path}: no ELF file`, { kernels: kernelFor("", { problem: "no ELF file" }) }],
  [`kernel: ${path} is for arm64, not amd64 or i386`, { kernels: kernelFor("arm64") }],
])("%s", (missing, facts) => {
  expect(missingIn({ ...told, ...facts })).toBe(missing);
});

it("a root is missing when nobody names one", () => {
  const { root: _, ...rootless } = told;
  expect(missingIn(rootless)).toBe("root: neither vfs.root.mountfrom in loader.conf nor / in /etc/fstab");
});

it("each interpreter has its scripts, in order, and others have none", () => {
  expect(["lua", "4th", "simp", "perl", undefined].map(scriptsOf)).toEqual([
    ["/boot/lua/loader.lua"],
    ["/boot/loader.rc"],
    ["/boot/loader.rc", "/boot/dloader.rc", "/dloader.rc"],
    [],
    [],
  ]);
});

it("a pool that can't be read has a fault of its own, and others' are none of it", () => {
  const own = "zfs:tank: ZFS pool is missing a disk";
  const pools = [
    { name: "tank", problems: ["zfs:tank/x: unreadable", own, "zfs:tank: ZFS pool is damaged"] },
    { name: "well", problems: ["zfs:well/a: a ZFS pool is here"] },
  ] as never;
  expect(["tank", "well", "other", undefined].map((name) => poolFault(pools, name))).toEqual([own, ...Array(3)]);
  expect([own, `x ${own}`, "zfs:a b: ZFS pool is x"].map(isPoolsOwn)).toEqual([true, false, false]);
});
