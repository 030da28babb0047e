// FreeBSD's own Forth scripts on a disk, driven through their menu. Those of FreeBSD 10 to 12 are known to work
// (`sys/boot/forth` until 11, then `stand/forth`); ../sources.ts says where they are looked for.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Keys } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { BOOTABLE, drive as boot, findSources, loaded, scripts } from "../sources.js";

const SETTINGS = `autoboot_delay="5"
inside_load="YES"
outside_load="YES"
loader_color="NO"
kernels="kernel kernel.old"
`;

const drive = (source: string, keys: readonly Keys[], settings = "") =>
  boot(
    {
      ...scripts(source, "forth"),
      ...BOOTABLE,
      "/boot/loader.conf": SETTINGS + settings,
      "/boot/loader": "$Interpreter:4th\0",
    },
    keys,
  );

const sources = findSources("forth");

describe.skipIf(sources.length === 0)("FreeBSD's own Forth scripts", () => {
  describe.each(sources)("$name", ({ path: source }) => {
    it("draw the menu, count down and enter the kernel with the configured modules", async () => {
      const { result, text } = await drive(source, []);
      expect(text).toMatch(/4 seconds/);
      expect(text).toMatch(/1 seconds/);
      expect(result.reason).toBe("exec");
      expect(loaded(result)).toEqual(["/boot/kernel/kernel", "/boot/kernel/inside.ko", "/boot/modules/outside.ko"]);
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
      expect(loaded(result)[0]).toBe("/boot/kernel.old/kernel");
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
      expect(loaded(result)[0]).toBe("/boot/kernel.old/kernel");
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
