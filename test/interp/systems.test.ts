// Scripts of systems whose loaders went ways of their own, DragonFly's and illumos', driven through their menus. Where they
// are looked for says ./sources.ts; those of systems that kept FreeBSD's are tried by the tests of real scripts.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Keys } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import type { Files } from "../support/ufs_image.js";
import { drive } from "./screen.js";
import { BOOTABLE, findWith, loaded } from "./sources.js";

const KERNEL = BOOTABLE["/boot/kernel/kernel"] as Uint8Array;
const MODULE = BOOTABLE["/boot/kernel/inside.ko"] as Uint8Array;
const ESCAPE = "\x1b";

const text = (...path: string[]) => readFileSync(join(...path), "latin1");
/** Keys at a pace at which each finds what the one before has made. */
const slowly = (...keys: string[]): Keys[] => keys.flatMap((key) => [{ waitS: 1 }, key]);

const dragonflies = findWith("DragonFly's scripts", [
  "stand/boot/dloader/dloader.menu",
  "sys/boot/dloader/dloader.menu",
]);

describe.skipIf(dragonflies.length === 0)("DragonFly's scripts", () => {
  describe.each(dragonflies)("$name", ({ path, file }) => {
    const boot = dirname(dirname(join(path, file)));
    const scripts: Files = {
      "/boot/loader": "no mark",
      "/boot/dloader.rc": text(boot, "pc32/loader/dloader.rc"),
      "/boot/defaults/dloader.menu": text(boot, "dloader/dloader.menu"),
      "/boot/defaults/loader.conf": text(boot, "dloader/loader.conf"),
      "/boot/loader.conf": 'autoboot_delay="3"\nvfs.root.mountfrom="hammer2:vbd0s1d"\n',
      "/boot/kernel/kernel": KERNEL,
      "/boot/kernel/ahci.ko": MODULE,
      "/boot/kernel/initrd.img.ko": MODULE,
      "/boot/kernel.old/kernel": KERNEL,
    };
    const start = (...keys: string[]) => drive(scripts, slowly(...keys));

    it("draw the menu, count down and enter the kernel with its modules", async () => {
      const { result, text: shown } = await start();
      expect(shown).toMatch(/ 1\. Boot DragonFly \[kernel\]\r\n/);
      expect(shown).toMatch(/Booting in 2 seconds\.\.\. /);
      expect(result).toMatchObject({ reason: "exec", swaps: ["simp"] });
      expect(loaded(result)).toEqual(["/boot/kernel/kernel", "/boot/kernel/ahci.ko"]);
      expect(result.environment["vfs.root.mountfrom"]).toBe("hammer2:vbd0s1d");
    });

    it("boot what each key says", async () => {
      const environment = async (key: string) => (await start(key)).result.environment;
      expect(await environment("2")).toMatchObject({ "hint.acpi.0.disabled": "1", "hw.ata.wc": "0" });
      expect(await environment("4")).toMatchObject({ "loader.acpi_disabled_by_user": "1" });
      expect(await environment("s")).toMatchObject({ boot_single: "YES" });
      expect(await environment("v")).toMatchObject({ boot_verbose: "YES" });
      expect(await environment("r")).toMatchObject({ "vfs.root.mountfrom": "ufs:md0s0" });
      expect(loaded((await start("o")).result)).toEqual(["/boot/kernel.old/kernel"]);
      expect(loaded((await start("3")).result)).toEqual(["/boot/kernel/kernel"]);
      expect((await start("R")).result.reason).toBe("exit");
    });

    it("leave to the prompt, and come back", async () => {
      const { result, text: shown } = await start(" ", ESCAPE, "pwd\r", "menu\r", "\r");
      expect(shown).toMatch(/Countdown halted by space/);
      expect(shown).toMatch(/OK pwd\r\n\/boot\/kernel\/\r\n/);
      expect(result.reason).toBe("exec");
      expect((await start("9", "boot -v\r")).text).toMatch(/OK boot -v/);
    });
  });
});

const illumoses = findWith("illumos' scripts", [
  "usr/src/boot/forth/beadm.4th",
  "usr/src/boot/sys/boot/forth/beadm.4th",
]);

describe.skipIf(illumoses.length === 0)("illumos' scripts", () => {
  describe.each(illumoses)("$name", ({ path, file }) => {
    const forth = dirname(join(path, file));
    const rc = ["i386/loader/loader.rc", "forth/loader.rc"].map((one) => join(dirname(forth), one)).find(existsSync);
    const scripts: Record<string, string | Uint8Array> = {
      "/boot/loader": "no mark",
      "/boot/loader.rc": rc === undefined ? "" : text(rc),
      "/boot/defaults/loader.conf": text(forth, "loader.conf"),
      "/boot/loader.conf": 'autoboot_delay="3"\n',
      "/platform/i86pc/kernel/amd64/unix": KERNEL,
      "/platform/i86pc/amd64/boot_archive": "an archive",
    };
    for (const name of readdirSync(forth)) {
      if (/\.(4th|rc)$/.test(name)) scripts[`/boot/forth/${name}`] = text(forth, name);
    }
    const start = (...keys: string[]) => drive(scripts, slowly(...keys), { utf8: true });

    it.skipIf(rc === undefined)("draw the menu, count down and load what is to be booted", async () => {
      const { result, shown, text: all } = await start();
      expect(all).toMatch(/Autoboot in 2 seconds/);
      expect(loaded(result)).toEqual(["/platform/i86pc/kernel/amd64/unix", "/platform/i86pc/amd64/boot_archive"]);
      expect(shown).toEqual([]);
    });

    it.skipIf(rc === undefined)("switch options on and off in a menu of their own", async () => {
      const { result, shown } = await start(" ", "o", "v", "s", "k", "r", "k", "\b", "1");
      expect(shown[1]).toMatch(/╔═+ ?Welcome to \w+/);
      expect(shown[1]).toMatch(/5 ?\. Configure Boot Options/);
      expect(shown[2]).toMatch(/Verbose\.+ Off/);
      expect(shown[3]).toMatch(/Verbose\.+ On/);
      expect(shown[4]).toMatch(/Single User\.+ On/);
      expect(shown[5]).toMatch(/Load kmdb\.+ On/);
      expect(shown[7]).toMatch(/Load kmdb\.+ Off/);
      expect(loaded(result)[0]).toBe("/platform/i86pc/kernel/amd64/unix");
    });

    it.skipIf(rc === undefined)("leave to the prompt, come back, and reboot", async () => {
      const { result, text: all, shown } = await start(" ", ESCAPE, "echo here\r", "menu\r", "4");
      expect(all).toMatch(/OK echo here\r\nhere\r\n/);
      expect(shown.at(-1)).toMatch(/Welcome to \w+/);
      expect(result.reason).toBe("exit");
    });
  });
});
