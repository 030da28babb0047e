// FreeBSD's own Forth scripts on a disk, driven through their menu. They are not part of this repository: the sources
// are looked for where USERBOOT_FREEBSD_SOURCES says (checkouts, separated like PATH), or in `freebsd-src` beside this
// checkout or above. Those of FreeBSD 10 to 12 are known to work (`sys/boot/forth` until 11, then `stand/forth`).

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, delimiter, dirname, join, parse } from "node:path";
import { fileURLToPath } from "node:url";
import { type BootResult, boot, type Keys } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { linkedFile, objectFile } from "../../load/elf_image.js";
import { disk, MIB } from "../../load/guest.js";
import { ScreenConsole } from "./screen.js";

const VARIABLE = "USERBOOT_FREEBSD_SOURCES";
/** Where the scripts are in a checkout, the machine's loader.rc, and the defaults. */
const LAYOUTS = [
  { forth: "stand/forth", machine: "stand/i386/loader", defaults: "stand/defaults/loader.conf" },
  { forth: "sys/boot/forth", machine: "sys/boot/i386/loader", defaults: "sys/boot/forth/loader.conf" },
];

function findSources(): string[] {
  const given = process.env[VARIABLE];
  if (given) return given.split(delimiter);
  let at = dirname(fileURLToPath(import.meta.url));
  while (at !== parse(at).root) {
    const found = join(at, "freebsd-src");
    if (existsSync(found)) return [found];
    at = dirname(at);
  }
  return [];
}

/** The files of /boot that the release's makefiles install. */
function scripts(source: string): Record<string, string> {
  const layout = LAYOUTS.find(({ forth }) => existsSync(join(source, forth)));
  if (!layout) throw new Error(`${source} has neither of ${LAYOUTS.map(({ forth }) => forth).join(", ")}`);
  const read = (path: string) => readFileSync(join(source, path), "latin1");
  const files: Record<string, string> = {};
  for (const name of readdirSync(join(source, layout.forth))) {
    if (name.endsWith(".4th")) files[`/boot/${name}`] = read(join(layout.forth, name));
  }
  for (const name of ["loader.rc", "menu.rc"]) {
    const own = join(layout.machine, name);
    files[`/boot/${name}`] = read(existsSync(join(source, own)) ? own : join(layout.forth, name));
  }
  files["/boot/defaults/loader.conf"] = read(layout.defaults);
  return files;
}

const SETTINGS = `autoboot_delay="5"
inside_load="YES"
outside_load="YES"
loader_color="NO"
kernels="kernel kernel.old"
`;
const KERNEL = linkedFile({ bits: 64, segments: [{ size: 9000 }, { size: 900, bss: 5000, writable: true }] }).bytes;
const MODULE = objectFile({});

async function drive(source: string, keys: readonly Keys[], settings = "") {
  const image = disk({
    ...scripts(source),
    "/boot/loader.conf": SETTINGS + settings,
    "/boot/loader": "$Interpreter:4th\0",
    "/boot/kernel/kernel": KERNEL,
    "/boot/kernel/inside.ko": MODULE,
    "/boot/kernel.old/kernel": KERNEL,
    "/boot/modules/outside.ko": MODULE,
    "/etc/fstab": "/dev/ada0p2\t/\tufs\trw\t1\t1\n",
  });
  const console = new ScreenConsole(keys);
  const result = await boot({ disks: [image], memory: 64 * MIB, console, clock: "virtual", worker: false });
  return { result, shown: console.shown.map(({ rows }) => rows.join("\n")), text: console.text };
}

const modules = (result: BootResult) => result.modules.map(({ name }) => name);

const sources = findSources();
if (sources.length === 0) {
  console.warn(`SKIPPED: FreeBSD's own Forth scripts; ${VARIABLE} names no checkout of them and none is known.`);
}

describe.skipIf(sources.length === 0)("FreeBSD's own Forth scripts", () => {
  describe.each(sources.map((source) => ({ name: basename(source), source })))("$name", ({ source }) => {
    it("draw the menu, count down and enter the kernel with the configured modules", async () => {
      const { result, text } = await drive(source, []);
      expect(text).toMatch(/4 seconds/);
      expect(text).toMatch(/1 seconds/);
      expect(result.reason).toBe("exec");
      expect(modules(result)).toEqual(["/boot/kernel/kernel", "/boot/kernel/inside.ko", "/boot/modules/outside.ko"]);
      expect(result.environment["vfs.root.mountfrom"]).toBe("ufs:/dev/ada0p2");
      expect(result.environment.boot_single).toBeUndefined();
    });

    it("show a frame with what can be chosen", async () => {
      const { shown } = await drive(source, [{ waitS: 1 }, "\r"]);
      expect(shown[0]).toMatch(/Welcome to FreeBSD/);
      expect(shown[0]).toMatch(/1\. Boot Multi User \[Enter\]/);
      expect(shown[0]).toMatch(/5\. \[?K\]?ernel: (default\/)?kernel \(1 of 2\)/);
      // The frame's corners, in the console's character set.
      expect(shown[0]).toMatch(/\xc9\xcd+Welcome to FreeBSD\xcd+\xbb/);
      expect(shown[0]).toMatch(/\xc8\xcd+\xbc/);
    });

    it("boot into single user mode", async () => {
      const { result } = await drive(source, ["2"]);
      expect(result.reason).toBe("exec");
      expect(result.environment.boot_single).toBe("YES");
    });

    it("let another kernel be chosen", async () => {
      const { result, shown } = await drive(source, ["k", "\r"]);
      expect(shown[1]).toMatch(/ernel: kernel\.old \(2 of 2\)/);
      expect(modules(result)[0]).toBe("/boot/kernel.old/kernel");
    });

    it("switch options on and off in a menu of their own", async () => {
      const { result, shown } = await drive(source, ["6", "5", "4", "5", "1", "\r"]);
      expect(shown[1]).toMatch(/\[?V\]?erbose\.+ off/);
      expect(shown[2]).toMatch(/\[?V\]?erbose\.+ On/);
      expect(shown[3]).toMatch(/\[?S\]?ingle User\. On/);
      expect(shown[4]).toMatch(/\[?V\]?erbose\.+ off/);
      expect(shown[5]).toMatch(/1\. Boot \[?S\]?ingle User \[Enter\]/);
      expect(result.environment.boot_single).toBe("YES");
      expect(result.environment.boot_verbose ?? "NO").not.toBe("YES");
    });

    it("leave to the prompt, where their commands work, and come back", async () => {
      const { result, text, shown } = await drive(source, ["\x1b", "set boot_verbose=YES\rlsmod\rmenu\r", "\r"]);
      expect(text).toMatch(/To get back to the menu/);
      expect(shown.at(-1)).toMatch(/1\. Boot Multi User \[Enter\]/);
      expect(result.reason).toBe("exec");
      expect(result.environment.boot_verbose).toBe("YES");
    });

    it("boot from the prompt what boot-conf loads", async () => {
      const { result } = await drive(source, ["\x1b", "unload\rboot-conf kernel.old\r"]);
      expect(result.reason).toBe("exec");
      expect(modules(result)[0]).toBe("/boot/kernel.old/kernel");
    });

    it("reboot", async () => {
      expect((await drive(source, ["4"])).result.reason).toBe("exit");
    });

    // FreeBSD 10's first boots without having loaded a kernel, from a path that its own settings leave it out of.
    const asks = existsSync(join(source, "stand/forth"));
    it.skipIf(!asks)("stop the countdown for a password, and let nobody pass without it", async () => {
      const { text, shown } = await drive(
        source,
        ["x", "wrong\r", "secret\r", { waitS: 1 }, "\x1b", "1 .\r"],
        'password="secret"\n',
      );
      expect(text).toMatch(/Password: /);
      expect(text.match(/loader: incorrect password/g)).toHaveLength(1);
      expect(shown.at(-1)).toMatch(/OK 1 \./);
    });

    it("draw without a menu, and without the beastie, as they are told", async () => {
      const bare = await drive(source, [], 'beastie_disable="YES"\nautoboot_delay="0"\n');
      expect(bare.text).not.toMatch(/Welcome to FreeBSD/);
      expect(bare.result.reason).toBe("exec");
      const coloured = await drive(source, [{ waitS: 1 }, "\r"], 'loader_color="YES"\nloader_logo="beastie"\n');
      expect(coloured.text).toMatch(/\x1b\[3[0-7]m/);
      expect(coloured.shown[0]).toMatch(/Welcome to FreeBSD/);
    });
  });
});
