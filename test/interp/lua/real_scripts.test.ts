// FreeBSD's own Lua scripts on a disk, driven through their menu. Those of FreeBSD 12.1 to 15.1 are known to work;
// ../sources.ts says where they are looked for.

import type { Keys } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import type { Files } from "../../support/ufs_image.js";
import { drive as boot } from "../screen.js";
import { BOOTABLE, driveLua, findSources, loaded, scripts, scriptText } from "../sources.js";

const SETTINGS = `autoboot_delay="5"
inside_load="YES"
outside_load="YES"
loader_color="NO"
kernels="kernel kernel.old"
`;

const drive = (source: string, keys: readonly Keys[], settings = "", files: Files = {}) =>
  driveLua(source, SETTINGS + settings, files, keys);

const ESCAPE = "\x1b";
/** A guest's own script that tells of environments on a pool as a loader would that found them. */
const ENVIRONMENTS = `
require("core").isZFSBoot = function() return true end
loader.setenv("zfs_be_active", "zfs:pool/ROOT/default")
loader.setenv("bootenvs_count", "3")
for i, name in ipairs{"default", "older", "oldest"} do
  loader.setenv("bootenvs[" .. i - 1 .. "]", "zfs:pool/ROOT/" .. name)
end
`;

const sources = findSources("lua");

describe.skipIf(sources.length === 0)("FreeBSD's own Lua scripts", () => {
  describe.each(sources)("$name", ({ path: source }) => {
    it("draw the menu, count down and enter the kernel with the configured modules", async () => {
      const { result, text } = await drive(source, []);
      expect(text).toMatch(/Autoboot in 5 seconds/);
      expect(text).toMatch(/Autoboot in 1 seconds/);
      expect(text).toMatch(/Loading kernel\.\.\.\r\n[\s\S]*Loading configured modules\.\.\.\r\n/);
      expect(result.reason).toBe("exec");
      // In which order is the interpreter's to choose: the scripts go over a table.
      expect(loaded(result)[0]).toBe("/boot/kernel/kernel");
      expect(loaded(result)).toContain("/boot/kernel/inside.ko");
      expect(loaded(result)).toContain("/boot/modules/outside.ko");
      expect(loaded(result)).toHaveLength(3);
      expect(result.environment["vfs.root.mountfrom"]).toBe("ufs:/dev/ada0p2");
      expect(result.environment.boot_single).toBeUndefined();
    });

    // Scripts for Lua 5.4 run with 5.3, too. The other way round divisions give numbers that no terminal takes ("14.0").
    const older = !/ \/\/ 2/.test(scriptText(source, "drawer"));
    it.each(older ? ([12, 13] as const) : ([12, 13, 14, 15] as const))("run in the loader of %i", async (profile) => {
      const { result, text, shown } = await driveLua(source, SETTINGS, {}, [{ waitS: 1 }, "\r"], { profile });
      expect(text).not.toMatch(/ERROR/);
      expect(shown[0]).toMatch(/1\. Boot Multi user \[Enter\]/);
      expect(result.reason).toBe("exec");
      expect(loaded(result)).toHaveLength(3);
      expect(result.profile).toEqual({ generation: profile, from: "the caller" });
    });

    it("show a frame with what can be chosen", async () => {
      const { shown } = await drive(source, [{ waitS: 1 }, "\r"]);
      const [screen = ""] = shown;
      expect(screen).toMatch(/Welcome to \w+/);
      expect(screen).toMatch(/1\. Boot Multi user \[Enter\]/);
      expect(screen).toMatch(/2\. Boot Single user/);
      expect(screen).toMatch(/3\. Escape to loader prompt/);
      expect(screen).toMatch(/\d\. (Kernel: default\/)?kernel \(1 of 2\)/);
      // The frame's corners: in the console's character set, or such as any serial terminal has.
      expect(screen).toMatch(/(\xc9\xcd+|\+-+) *Welcome to \w+ *(\xcd+\xbb|-+\+)/);
      expect(screen).toMatch(/\xc8\xcd+\xbc|\+-+\+/);
    });

    it("boot into single user mode", async () => {
      const { result } = await drive(source, ["s"]);
      expect(result.reason).toBe("exec");
      expect(result.environment.boot_single).toBe("YES");
    });

    it("stop the countdown at any key, and boot at Enter", async () => {
      const { result, shown } = await drive(source, [{ waitS: 2 }, " ", { waitS: 100 }, "\r"]);
      expect(shown[0]).toMatch(/Autoboot in 3 seconds/);
      expect(shown[1]).not.toMatch(/Autoboot/);
      expect(result.reason).toBe("exec");
    });

    it("let another kernel be chosen", async () => {
      const { result, shown } = await drive(source, ["k", "\r"]);
      expect(shown[1]).toMatch(/kernel\.old \(2 of 2\)/);
      expect(loaded(result)[0]).toBe("/boot/kernel.old/kernel");
      expect(loaded(result)).toContain("/boot/modules/outside.ko");
    });

    it("find the kernels there are", async () => {
      const { result, shown } = await drive(source, ["k", "k", "\r"], 'kernels=""\n', {
        "/boot/kernel.own/kernel": BOOTABLE["/boot/kernel/kernel"] as Uint8Array,
        "/boot/kernel.empty/README": "",
      });
      expect(shown[0]).toMatch(/kernel \(1 of 3\)/);
      expect(result.reason).toBe("exec");
      expect(["/boot/kernel.own/kernel", "/boot/kernel.old/kernel"]).toContain(loaded(result)[0]);
    });

    it("do so on a tree of the host", async () => {
      const files = { ...scripts(source, "lua"), ...BOOTABLE, "/boot/loader.conf": 'outside_load="YES"\n' };
      const bytes = (content: string | Uint8Array) =>
        typeof content === "string" ? Buffer.from(content, "latin1") : content;
      const tree = Object.fromEntries(Object.entries(files).map(([path, content]) => [path.slice(1), bytes(content)]));
      const { result, shown } = await boot({}, ["k", "\r"], { disks: [], hostTrees: [tree], start: "lua" });
      expect(shown[1]).toMatch(/kernel\.old \(2 of 2\)/);
      expect(result.environment.currdev).toBe("host0:");
      expect(loaded(result)).toEqual(["/boot/kernel.old/kernel", "/boot/modules/outside.ko"]);
    });

    it("switch options on and off in a menu of their own", async () => {
      const { result, shown } = await drive(source, ["o", "v", "m", "s", "v", "\x7f", "\r"]);
      expect(shown[1]).toMatch(/Verbose +:off/);
      expect(shown[1]).toMatch(/Safe Mode +:off/);
      expect(shown[2]).toMatch(/Verbose +:On/);
      expect(shown[3]).toMatch(/Safe Mode +:On/);
      expect(shown[4]).toMatch(/Single user:On/);
      expect(shown[5]).toMatch(/Verbose +:off/);
      expect(shown[6]).toMatch(/1\. Boot Single user \[Enter\]/);
      expect(result.reason).toBe("exec");
      expect(result.environment).toMatchObject({ boot_single: "YES", "kern.smp.disabled": "1" });
      expect(result.environment.boot_verbose).toBeUndefined();
    });

    it("bring options back to what they were", async () => {
      const { result, shown } = await drive(source, ["o", "v", "m", "d", "\x7f", "\r"]);
      expect(shown[4]).toMatch(/Verbose +:off/);
      expect(shown[4]).toMatch(/Safe Mode +:off/);
      expect(result.environment["kern.smp.disabled"]).toBeUndefined();
    });

    it("switch ACPI where they offer it", async () => {
      const { result, shown } = await drive(source, ["o", "a", "\x7f", "\r"]);
      expect(result.reason).toBe("exec");
      if (/ACPI +:/.test(shown[1] ?? "")) {
        expect(shown[1]).toMatch(/ACPI +:On/);
        expect(shown[2]).toMatch(/ACPI +:off/);
        expect(result.environment["hint.acpi.0.disabled"]).toBe("1");
      } else {
        expect(result.environment["hint.acpi.0.disabled"]).toBeUndefined();
      }
    });

    it("switch consoles where they offer it", async () => {
      const { result, shown } = await drive(source, ["c", "c", "c", "c", "c", "\r"]);
      expect(result.reason).toBe("exec");
      const named = shown.map((screen) => /Cons: (.*?) *(\||\xba|$)/m.exec(screen)?.[1]);
      if (named[0] === undefined) {
        expect(result.environment.boot_serial).toBeUndefined();
      } else {
        expect(named.slice(0, 5)).toEqual([
          "Video",
          "Dual (Serial primary)",
          "Dual (Video primary)",
          "Serial",
          "Video",
        ]);
        expect(result.environment).toMatchObject({ boot_serial: "YES", boot_multicons: "YES" });
      }
    });

    it("leave to the prompt, and boot from it", async () => {
      const { result, text } = await drive(source, [ESCAPE, "set boot_verbose=YES\rboot\r"]);
      expect(text).toMatch(/Exiting menu!\r\n/);
      expect(text).toMatch(/OK set boot_verbose=YES\r\nOK boot\r\nLoading kernel/);
      expect(result.reason).toBe("exec");
      expect(result.environment.boot_verbose).toBe("YES");
      expect(loaded(result)).toHaveLength(3);
    });

    it("come back from the prompt", async () => {
      const { result, shown } = await drive(source, [ESCAPE, "menu\r", "\r"]);
      expect(shown.at(-1)).toMatch(/1\. Boot Multi user \[Enter\]/);
      expect(result.reason).toBe("exec");
    });

    it("boot what is named at the prompt, with flags", async () => {
      const { result } = await drive(source, [ESCAPE, "load /boot/kernel/kernel\rboot -s kernel.old\r"]);
      expect(result.reason).toBe("exec");
      expect(loaded(result)[0]).toBe("/boot/kernel.old/kernel");
      const again = await drive(source, [ESCAPE, "boot-conf kernel.old\r"]);
      expect(loaded(again.result)[0]).toBe("/boot/kernel.old/kernel");
    });

    it.skipIf(!scriptText(source, "cli").includes("toggle-module"))("manage modules at the prompt", async () => {
      const { result, text } = await drive(
        source,
        [
          ESCAPE,
          "disable-module outside\rtoggle-module inside\rtoggle-module inside\rshow-module-options\r",
          // As many pages as there may be; what is too much are blanks before the next command.
          " ".repeat(30),
          "read-conf /boot/more.conf\rset autoboot_delay=NO\rdisable-device uart0\rboot\r",
        ],
        "",
        { "/boot/more.conf": 'own.more="yes"\n' },
      );
      expect(text).toMatch(/outside will not be loaded\r\n/);
      expect(text).toMatch(/inside will not be loaded\r\n[\s\S]*inside will be loaded\r\n/);
      expect(text).toMatch(/Name: +\w+\r\n/);
      expect(text).toMatch(/ --more-- /);
      expect(loaded(result)).toEqual(["/boot/kernel/kernel", "/boot/kernel/inside.ko"]);
      expect(result.environment).toMatchObject({ "own.more": "yes", "hint.uart.0.disabled": "1" });
    });

    it("reboot", async () => {
      expect((await drive(source, ["r"])).result.reason).toBe("exit");
    });

    it("stop the countdown for a password, and let nobody pass without it", async () => {
      const { text, shown, result } = await drive(
        source,
        ["x", "wrong\r", "secret\r", { waitS: 1 }, ESCAPE, "echo passed\r"],
        'password="secret"\n',
      );
      expect(text.match(/Loader password: /g)).toHaveLength(2);
      expect(text.match(/loader: incorrect password/g)).toHaveLength(1);
      expect(text).not.toMatch(/secret/);
      expect(shown.at(-1)).toMatch(/OK echo passed/);
      expect(result.error?.name).toBe("InputEndedError");
      const unasked = await drive(source, [], 'password="secret"\n');
      expect(unasked.result.reason).toBe("exec");
    });

    it("ask for a password before anything", async () => {
      const { text, result } = await drive(source, ["open\r", "\r"], 'bootlock_password="open"\n');
      expect(text).toMatch(/Bootlock password: /);
      expect(result.reason).toBe("exec");
    });

    it("offer boot environments", async () => {
      const { result, shown } = await drive(source, ["e", "a", "\x7f", "\r"], "", {
        "/boot/lua/local.lua": ENVIRONMENTS,
      });
      expect(shown[0]).toMatch(/\d\. Boot Environments/);
      expect(shown[1]).toMatch(/Active: zfs:pool\/ROOT\/default \(1 of 3\)/);
      expect(shown[1]).toMatch(/bootfs: zfs:pool\/ROOT\/default/);
      expect(shown[2]).toMatch(/Active: zfs:pool\/ROOT\/older \(2 of 3\)/);
      expect(result.reason).toBe("exec");
      expect(result.environment["vfs.root.mountfrom"]).toBe("zfs:pool/ROOT/older");
    });

    it("draw in colours", async () => {
      const { text, shown } = await drive(source, [{ waitS: 1 }, "\r"], 'loader_color="YES"\nloader_logo="beastie"\n');
      expect(text).toMatch(/\x1b\[3[0-7]m/);
      expect(shown[0]).toMatch(/Welcome to \w+/);
      const [plain] = (await drive(source, [{ waitS: 1 }, "\r"], 'loader_logo="beastiebw"\n')).shown;
      expect(plain).toMatch(/1\. Boot Multi user \[Enter\]/);
    });

    it("boot without a menu when it is disabled", async () => {
      const { result, text } = await drive(source, [], 'beastie_disable="YES"\n');
      expect(text).not.toMatch(/Welcome to/);
      expect(text).toMatch(/Loading kernel\.\.\./);
      expect(result.reason).toBe("exec");
      expect(loaded(result)).toHaveLength(3);
    });

    it("boot at once without a delay", async () => {
      const { result } = await drive(source, [], 'autoboot_delay="-1"\n');
      expect(result.reason).toBe("exec");
    });

    it("take 300 settings", async () => {
      const lines = Array.from({ length: 300 }, (_, i) =>
        i % 3 === 0 ? `# line ${i}` : `own.setting.${i}="value ${i}"\t# says ${i}`,
      );
      const { result } = await drive(source, [], `${lines.join("\n")}\n`);
      expect(result.reason).toBe("exec");
      expect(Object.keys(result.environment).filter((name) => name.startsWith("own.setting."))).toHaveLength(200);
      expect(result.environment["own.setting.299"]).toBe("value 299");
    });
  });
});
