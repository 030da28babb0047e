// Whether a guest finds its root and its clock in the machine that it is booted for: what `rootFor` says, and what --root-for does.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type BootResult, inspect } from "userboot-wasm";
import { parseMachine, type RootFacts, type RootMachine, rootFor } from "userboot-wasm/machine";
import { afterAll, describe, expect, it } from "vitest";
import { userboot as run } from "../support/cli.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { Scratch } from "../support/scratch.js";
import { bytesOf } from "../support/sparse_disk.js";
import { writeTree } from "../support/trees.js";
import { ufsDisk } from "../support/ufs_image.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

/** The hints of FreeBSD's own /boot/device.hints. */
const HINTS = {
  "hint.attimer.0.at": "isa",
  "hint.attimer.0.port": "0x40",
  "hint.attimer.0.irq": "0",
  "hint.atrtc.0.at": "isa",
  "hint.atrtc.0.port": "0x70",
  "hint.atrtc.0.irq": "8",
  "hint.atkbdc.0.at": "isa",
  "hint.atkbdc.0.port": "0x60",
  "hint.atkbd.0.at": "atkbdc",
  "hint.atkbd.0.irq": "1",
  "hint.uart.0.at": "isa",
  "hint.uart.0.port": "0x3f8",
  "hint.uart.0.irq": "4",
  "hint.uart.0.flags": "0x10",
};
const settings = (file: string, values: Record<string, string>) =>
  Object.entries(values).map(([name, value], i) => ({ name, value, file, line: i + 1 }));
const IN_HINTS = settings("/boot/device.hints", HINTS);
const line = (device: string, mountPoint: string, fsType = "ufs", options = "rw") => ({
  ...{ device, mountPoint, fsType, options },
  file: "/etc/fstab",
  line: 7,
});

/** A guest whose fstab says that its root is `device`. */
const guestOn = (device: string, more: Partial<RootFacts> = {}): RootFacts => ({
  device: "disk0p2:",
  root: { value: `ufs:${device}`, file: "/etc/fstab" },
  fstab: [line(device, "/")],
  loaderConf: IN_HINTS,
  architecture: "i386",
  ...more,
});

describe("rootFor", () => {
  it.each<[RootMachine, string, string | undefined]>([
    ["v86", "/dev/vtbd0p2", "/dev/ada0p2"],
    ["v86", "/dev/da0", "/dev/ada0"],
    ["v86", "vtbd1s1a", "ada1s1a"],
    ["v86", "/dev/ada0p2", undefined],
    ["qemu", "/dev/ada0p2", "/dev/vtbd0p2"],
    ["qemu", "/dev/nvd0p2", "/dev/vtbd0p2"],
    ["qemu", "/dev/vtbd0p2", undefined],
    ["bhyve", "/dev/da0p2", "/dev/vtbd0p2"],
    ["bhyve", "/dev/ada0p2", undefined],
    ["bhyve", "/dev/vtbd0p2", undefined],
    ["v86", "/dev/ufs/root", undefined],
    ["v86", "/dev/gpt/vtbd0", undefined],
    ["v86", "/dev/md0", undefined],
    ["v86", "/dev/vtbd0p2.eli", undefined],
    ["v86", "/dev/vtbd", undefined],
  ])("%s with a root on %s", (machine, given, wanted) => {
    const { variables, reasons, remarks } = rootFor(guestOn(given), machine);
    expect(variables).toEqual(
      wanted === undefined ? {} : { "vfs.root.mountfrom": `ufs:${wanted}`, "vfs.root.mountfrom.options": "rw" },
    );
    const said = `the root is ufs:${wanted} in ${machine}, not ufs:${given} as /etc/fstab says`;
    expect(reasons).toEqual(wanted === undefined ? [] : [said]);
    expect(remarks).toEqual([]);
  });

  it("takes the disk that is booted from when the machine has none of that number", () => {
    const other = (disks?: number, device = "disk0p2:") =>
      rootFor(guestOn("/dev/ada3p2", { device }), "qemu", disks).variables["vfs.root.mountfrom"];
    expect(other()).toBe("ufs:/dev/vtbd3p2");
    expect(other(4)).toBe("ufs:/dev/vtbd3p2");
    expect(other(3)).toBe("ufs:/dev/vtbd0p2");
    expect(other(2, "disk1p2:")).toBe("ufs:/dev/vtbd1p2");
    expect(other(2, "zfs:pool:")).toBe("ufs:/dev/vtbd3p2");
  });

  it("leaves pools alone", () => {
    const root = { value: "zfs:zroot/ROOT/default", file: "" };
    expect(rootFor(guestOn("x", { root, fstab: [] }), "v86")).toEqual({ variables: {}, reasons: [], remarks: [] });
  });

  it("gives those hints to v86 that the guest doesn't have", () => {
    const withHints = (loaderConf: RootFacts["loaderConf"], machine: RootMachine = "v86") =>
      rootFor(guestOn("/dev/gpt/root", { loaderConf }), machine);
    const reason = "v86 needs hints that /boot/device.hints doesn't have, for:";
    const reasons = [`${reason} timer, clock, keyboard, serial port`];
    expect(withHints([])).toEqual({ variables: HINTS, reasons, remarks: [] });
    const some = IN_HINTS.filter(({ name }) => name !== "hint.atrtc.0.irq");
    expect(withHints(some)).toEqual({
      ...{ variables: { "hint.atrtc.0.irq": "8" }, reasons: [`${reason} clock`], remarks: [] },
    });
    const others = IN_HINTS.map((one) => ({ ...one, value: "0x99" }));
    expect(withHints(others).variables).toEqual({});
    expect(withHints([], "qemu").variables).toEqual({});
    expect(withHints([], "bhyve").variables).toEqual({});
  });

  it("goes by what the loader's scripts set, which come last", () => {
    const value = "ufs:/dev/vtbd0p2 ufs:/dev/gpt/other";
    const loaderConf = [...IN_HINTS, ...settings("/boot/loader.conf.local", { "vfs.root.mountfrom": value })];
    const facts = guestOn("/dev/vtbd0p2", { root: { value, file: "/boot/loader.conf.local" }, loaderConf });
    const wanted = "ufs:/dev/ada0p2 ufs:/dev/gpt/other";
    expect(rootFor(facts, "v86")).toMatchObject({
      variables: { "vfs.root.mountfrom": wanted },
      append: { file: "/boot/loader.conf.local", text: `\nvfs.root.mountfrom="${wanted}"\n` },
    });
    expect(Object.keys(rootFor(facts, "v86").variables)).toEqual(["vfs.root.mountfrom"]);
  });

  it("puts nothing into a script that would be more than a value there", () => {
    const value = 'ufs:/dev/vtbd0p2 x"\nexec="reboot';
    const facts = guestOn("x", { root: { value, file: "/boot/loader.conf" } });
    expect(rootFor(facts, "v86").append).toBeUndefined();
  });

  it("keeps the options that the guest has set", () => {
    const loaderConf = [...IN_HINTS, ...settings("/boot/loader.conf", { "vfs.root.mountfrom.options": "ro" })];
    expect(rootFor(guestOn("/dev/da0p2", { loaderConf }), "v86").variables).toEqual({
      "vfs.root.mountfrom": "ufs:/dev/ada0p2",
    });
  });

  it("tells what it can't mend", () => {
    const fstab = [
      line("/dev/ada0p2", "/"),
      line("/dev/vtbd0p3", "none", "swap", "sw"),
      line("proc", "/proc", "procfs"),
    ];
    const { root: _none, ...rest } = guestOn("/dev/ada0p2", { fstab, architecture: "amd64" });
    expect(rootFor(rest, "v86").remarks).toEqual([
      "v86 runs i386 guests only, this one is amd64",
      "neither vfs.root.mountfrom in loader.conf nor / in /etc/fstab says where the root is",
      "/etc/fstab:7: /dev/vtbd0p3 (none) is /dev/ada0p3 in v86",
    ]);
  });

  it.each(["xen", "__proto__", "toString"])("knows no machine %s", (name) => {
    const message = `unknown machine "${name}" (there are v86, qemu, bhyve)`;
    expect(() => rootFor(guestOn("x"), name as RootMachine)).toThrow(message);
  });

  it("takes what an inspection finds", async () => {
    const guest = await inspect({ disks: [guestImage(GUESTS.i386)], isolation: "none" });
    try {
      const { variables } = rootFor(await guest.system(), "v86", guest.disks.length);
      expect(variables).toMatchObject({ ...HINTS, "vfs.root.mountfrom": "ufs:/dev/ada0s1a" });
    } finally {
      await guest.close();
    }
  });
});

describe("--root-for", () => {
  const IMAGE = scratch.file("guest.img", guestImage(GUESTS.i386));
  const QUICK = ["--start", "simp", "--interface", "4", "--clock", "virtual", "--console", "none", "--json"];
  const booted = (...args: string[]) => {
    const { status, stderr, stdout } = run(["boot", ...QUICK, ...args], { encoding: "utf8" });
    expect([status, stderr]).toEqual([0, expect.any(String)]);
    const { environment } = JSON.parse(stdout) as BootResult;
    return { environment, lines: stderr.trimEnd().split("\n") };
  };
  const hints = Object.entries(HINTS).map(([name, value]) => `${name}=${value}`);

  it("sets what v86 needs, and tells it", () => {
    const { environment, lines } = booted("-d", IMAGE, "--root-for", "v86");
    expect(environment).toMatchObject({
      ...HINTS,
      "vfs.root.mountfrom": "ufs:/dev/ada0s1a",
      "vfs.root.mountfrom.options": booted("-d", IMAGE).environment["vfs.root.mountfrom.options"],
    });
    expect(lines).toEqual([
      "userboot: --root-for v86: v86 needs hints that /boot/device.hints doesn't have, for: timer, clock, keyboard, serial port",
      "userboot: --root-for v86: the root is ufs:/dev/ada0s1a in v86, not ufs:/dev/vtbd0s1a as /etc/fstab says",
      `userboot: --root-for v86: sets ${hints.join(" ")} vfs.root.mountfrom=ufs:/dev/ada0s1a vfs.root.mountfrom.options=rw,noatime`,
    ]);
  });

  it("changes nothing that fits", () => {
    const { environment, lines } = booted("-d", IMAGE, "--root-for", "qemu");
    expect(environment).toEqual(booted("-d", IMAGE).environment);
    expect(lines).toEqual(["userboot: --root-for qemu: everything fits"]);
  });

  it("gives way to the command line, and goes into a set-up", () => {
    const saved = join(scratch.path, "saved.json");
    const own = "vfs.root.mountfrom=ufs:/dev/own";
    const { environment } = booted("-d", IMAGE, "--root-for", "v86", "-e", own, "--save-machine", saved);
    expect(environment["vfs.root.mountfrom"]).toBe("ufs:/dev/own");
    expect(parseMachine(readFileSync(saved, "utf8"))).toMatchObject({
      target: "v86",
      environment: { ...HINTS, "vfs.root.mountfrom": "ufs:/dev/own" },
    });
    const { environment: again, lines } = booted("--machine", saved);
    expect([again, lines]).toEqual([environment, [""]]);
  });

  it("lets the loader find the root in the file that sets it, unless an overlay has that one", () => {
    const files = {
      "/boot/loader.rc": "more /boot/loader.conf\nquit\n",
      "/boot/loader.conf": 'vfs.root.mountfrom="ufs:/dev/da0"',
    };
    const guest = Object.entries(files).map(([path, content]) => [path, Buffer.from(content)]);
    const image = scratch.file("own.img", bytesOf(ufsDisk(Object.fromEntries(guest))));
    const shown = (...args: string[]) =>
      run(["boot", "-d", image, "--start", "simp", "--interface", "4", "--root-for", "qemu", ...args], {
        encoding: "utf8",
      });
    const { stderr, stdout } = shown();
    expect(stdout).toMatch(/mountfrom="ufs:\/dev\/da0"\r?\nvfs.root.mountfrom="ufs:\/dev\/vtbd0"\r?\n/);
    expect(stderr).toMatch(/sets vfs.root.mountfrom=ufs:\/dev\/vtbd0, also at the end of \/boot\/loader.conf\n/);
    writeTree(join(scratch.path, "over"), new Map([["/boot/loader.conf", Buffer.from("mine\n")]]));
    expect(shown("--overlay", join(scratch.path, "over")).stdout).not.toContain("mountfrom");
  });

  it("is one line and status 2 for a machine that isn't known, and an image that isn't there", () => {
    const wrong = (...args: string[]) => run(["boot", ...args], { encoding: "utf8" });
    expect(wrong("-d", IMAGE, "--root-for", "xen")).toMatchObject({
      status: 2,
      stderr:
        "userboot: option '--root-for <machine>' argument 'xen' is invalid. Allowed choices are v86, qemu, bhyve.\n",
    });
    expect(wrong("-d", "/nonexistent", "--root-for", "v86")).toMatchObject({
      status: 2,
      stderr: "userboot: /nonexistent: no such file\n",
    });
  });
});
