// FreeBSD's own Forth scripts on a disk, driven through their menu. Those of FreeBSD 7 to 14 are known to work, and those
// of systems made of it (pfSense, JabirOS, XigmaNAS); ../sources.ts says where they are looked for.

import type { Keys } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import type { Files } from "../../support/ufs_image.js";
import { drive as boot } from "../screen.js";
import { BOOTABLE, findSources, loaded } from "../sources.js";
import { type Release, releaseOf } from "./releases.js";

const SETTINGS = `autoboot_delay="5"
inside_load="YES"
outside_load="YES"
kernels="kernel kernel.old"
`;
const PLAIN = 'loader_color="NO"\n';

const drive = (tree: Release, keys: readonly Keys[], settings = "", more: Files = {}, colours = PLAIN) =>
  boot(
    {
      ...tree.files,
      ...BOOTABLE,
      "/boot/loader.conf": SETTINGS + colours + settings,
      "/boot/loader": "$Interpreter:4th\0",
      ...more,
    },
    keys,
    { utf8: tree.utf8 },
  );

/** The keys that have the menu's lines with `captions`, as the first screen numbers them. */
async function keysOf(tree: Release, ...captions: readonly RegExp[]): Promise<string[]> {
  const { shown } = await drive(tree, [{ waitS: 1 }, "\r"]);
  return captions.map((caption) => {
    const line = shown[0]?.split("\n").find((row) => caption.test(row));
    const key = /(\d)\. /.exec(line ?? "")?.[1];
    if (!key) throw new Error(`no line with ${caption} in\n${shown[0]}`);
    return key;
  });
}

const trees = findSources("forth").map(releaseOf);

describe.skipIf(trees.length === 0)("FreeBSD's own Forth scripts", () => {
  describe.each(trees)("$name ($menu)", (tree) => {
    const { menu, system, utf8 } = tree;
    const lists = menu === "list";
    const boots = { list: `Boot ${system} [default]`, options: "Boot [Enter]" }[menu as string];
    const first = `1. ${boots ?? "Boot Multi User [Enter]"}`;
    const has = (file: string, text: string) => String(tree.files[`/boot/${file}`] ?? "").includes(text);
    const hasSubmenu = menu === "submenu" || menu === "kernels";

    it("draw the menu, count down and enter the kernel with the configured modules", async () => {
      const { result, text } = await drive(tree, []);
      expect(text).toMatch(lists ? /H4 / : /4 seconds/);
      expect(text).toMatch(lists ? /H1 / : /1 seconds/);
      expect(result.reason).toBe("exec");
      expect(loaded(result)).toEqual(["/boot/kernel/kernel", "/boot/kernel/inside.ko", "/boot/modules/outside.ko"]);
      expect(result.environment["vfs.root.mountfrom"]).toBe("ufs:/dev/ada0p2");
      expect(result.environment.boot_single).toBeUndefined();
    });

    it("show a frame with what can be chosen", async () => {
      const { shown } = await drive(tree, [{ waitS: 1 }, "\r"]);
      expect(shown[0]).toContain(`Welcome to ${system}`);
      expect(shown[0]).toContain(first);
      expect(/Kernel: |\[K\]ernel: /.test(shown[0] as string)).toBe(menu === "kernels");
      if (menu === "kernels") expect(shown[0]).toMatch(/5\. \[?K\]?ernel: (default\/)?kernel \(1 of 2\)/);
      // The frame's corners, in the console's character set.
      const top = lists
        ? "\xda\xc4{41}\xbf"
        : utf8
          ? "╔═+ ?Welcome to \\w+ ?═+╗"
          : "\xc9\xcd+ ?Welcome to \\w+ ?\xcd+\xbb";
      expect(shown[0]).toMatch(new RegExp(top));
      expect(shown[0]).toMatch(lists ? /\xc0\xc4{41}\xd9/ : utf8 ? /╚═+╝/ : /\xc8\xcd+\xbc/);
    });

    it.skipIf(menu === "options")("boot into single user mode", async () => {
      const { result } = await drive(tree, await keysOf(tree, /\[?s\]?ingle user/i));
      expect(result.reason).toBe("exec");
      expect(result.environment.boot_single).toBe("YES");
    });

    it.skipIf(menu !== "kernels")("let another kernel be chosen", async () => {
      const { result, shown } = await drive(tree, ["k", "\r"]);
      expect(shown[1]).toMatch(/ernel: kernel\.old \(2 of 2\)/);
      expect(loaded(result)[0]).toBe("/boot/kernel.old/kernel");
    });

    it.skipIf(!hasSubmenu)("switch options on and off in a menu of their own", async () => {
      const [options] = await keysOf(tree, /Configure Boot/);
      const { result, shown } = await drive(tree, [options as string, "5", "4", "5", "1", "\r"]);
      expect(shown[1]).toMatch(/\[?V\]?erbose\.+ off/);
      expect(shown[2]).toMatch(/\[?V\]?erbose\.+ On/);
      expect(shown[3]).toMatch(/\[?S\]?ingle User\. On/);
      expect(shown[4]).toMatch(/\[?V\]?erbose\.+ off/);
      expect(shown[5]).toMatch(/1\. Boot \[?S\]?ingle User \[Enter\]/);
      expect(result.environment.boot_single).toBe("YES");
      expect(result.environment.boot_verbose ?? "NO").not.toBe("YES");
    });

    it.skipIf(menu !== "options")("switch options on and off beside what they change", async () => {
      const [verbose, single] = (await keysOf(tree, /erbose\./, /ingle User\./)) as [string, string];
      const { result, shown } = await drive(tree, [verbose, single, verbose, "\r"]);
      expect(shown[0]).toMatch(/\[V\]erbose\.+ off/);
      expect(shown[1]).toMatch(/\[V\]erbose\.+ On/);
      expect(shown[2]).toMatch(/\[S\]ingle User\. On/);
      expect(shown[3]).toMatch(/\[V\]erbose\.+ off/);
      expect(result.reason).toBe("exec");
      expect(result.environment.boot_single).toBe("YES");
      expect(result.environment.boot_verbose ?? "NO").not.toBe("YES");
    });

    it.skipIf(lists)("leave to the prompt, where their commands work, and come back", async () => {
      const { result, text, shown } = await drive(tree, ["\x1b", "set boot_verbose=YES\rlsmod\rmenu\r", "\r"]);
      expect(text).toMatch(/To get back to the menu/);
      expect(shown.at(-1)).toContain(first);
      expect(result.reason).toBe("exec");
      expect(result.environment.boot_verbose).toBe("YES");
    });

    it.skipIf(!lists)("leave to the prompt when the countdown was stopped, and boot from there", async () => {
      const [prompt] = await keysOf(tree, /Escape to loader prompt/);
      const { result, text, shown } = await drive(tree, [" ", { waitS: 9 }, prompt as string, "lsmod\rboot -v\r"]);
      expect(shown[1]).toContain(first);
      expect(text).toMatch(/OK lsmod\r?\n .*\/boot\/kernel\/kernel \(elf kernel/);
      expect(result.reason).toBe("exec");
    });

    it("boot from the prompt what boot-conf loads", async () => {
      const prompt = lists ? await keysOf(tree, /Escape to loader prompt/) : ["\x1b"];
      const { result } = await drive(tree, [...prompt, "unload\rboot-conf kernel.old\r"]);
      expect(result.reason).toBe("exec");
      expect(loaded(result)[0]).toBe("/boot/kernel.old/kernel");
    });

    it("reboot", async () => {
      expect((await drive(tree, await keysOf(tree, /Reboot/))).result.reason).toBe("exit");
    });

    it.skipIf(!tree.asks)("stop the countdown for a password, and let nobody pass without it", async () => {
      const prompt = lists ? await keysOf(tree, /Escape to loader prompt/) : ["\x1b"];
      const { text, shown } = await drive(
        tree,
        ["x", "wrong\r", "secret\r", { waitS: 1 }, ...prompt, "1 .\r"],
        'password="secret"\n',
      );
      expect(text.match(/Password: /g)).toHaveLength(2);
      if (!lists) expect(text.match(/loader: incorrect password/g)).toHaveLength(1);
      expect(text.indexOf(`Welcome to ${system}`)).toBeGreaterThan(text.lastIndexOf("Password: "));
      expect(shown.at(-1)).toMatch(/OK 1 \./);
    });

    it.skipIf(!has("check-password.4th", "bootlock_password"))("ask for a password before anything else", async () => {
      const { text, result } = await drive(tree, ["wrong\r", "secret\r"], 'bootlock_password="secret"\n');
      expect(text.match(/Boot Password: /g)).toHaveLength(2);
      expect(text.match(/loader: incorrect password/g)).toHaveLength(1);
      expect(text.indexOf(`Welcome to ${system}`)).toBeGreaterThan(text.lastIndexOf("Password: "));
      expect(result.reason).toBe("exec");
    });

    it.skipIf(!has("delay.4th", "delay_execute"))(
      "wait before the menu, and leave for the prompt instead",
      async () => {
        const through = await drive(tree, [], 'loader_delay="2"\n');
        expect(through.text).toMatch(/Loading Menu \(Ctrl-C to Abort\)\r?\n\.{40,}\r?\n/);
        expect(through.text).toContain(`Welcome to ${system}`);
        expect(through.result.reason).toBe("exec");
        // Where the kernel is loaded by then, the loader's own countdown follows: the blank stops it.
        const { text, shown } = await drive(tree, [{ waitS: 1 }, "\x03", " ", "1 .\r"], 'loader_delay="2"\n');
        expect(text).not.toContain(`Welcome to ${system}`);
        expect(shown.at(-1)).toMatch(/OK +1 \.\s*$/);
      },
    );

    it("draw without a menu, and without the beastie, as they are told", async () => {
      const bare = await drive(tree, [], 'beastie_disable="YES"\nautoboot_delay="0"\n');
      expect(bare.text).not.toContain(`Welcome to ${system}`);
      expect(bare.result.reason).toBe("exec");
      const coloured = await drive(tree, [{ waitS: 1 }, "\r"], 'loader_logo="beastie"\n', {}, tree.colours);
      expect(coloured.text).toMatch(/\x1b\[3[0-7]m/);
      expect(coloured.shown[0]).toContain(first);
    });

    it("read the files that a settings file names, once, and what the next boot shall do", async () => {
      const { result } = await drive(tree, [], 'loader_conf_files="/boot/one.conf /boot/none.conf"\n', {
        "/boot/one.conf": 'one="1" # a remark\nloader_conf_files="/boot/two.conf"\nexec="set three=3"\n',
        "/boot/two.conf": "two=2\n",
        "/boot/nextboot.conf": 'nextboot_enable="YES"\nkernel="kernel.old"\n',
      });
      expect(result.environment).toMatchObject({ one: "1", two: "2", three: "3" });
      expect(loaded(result)[0]).toBe("/boot/kernel.old/kernel");
    });

    it("say what is wrong in a settings file and what they can't load, and run what is to be run around it", async () => {
      const settings =
        'inside_before="echo before"\ninside_after="echo after"\nabsent_load="YES"\nabsent_error="echo no such"\n';
      const { result, text } = await drive(tree, [], `${settings}this = is not one\nlate="x"\n`);
      expect(text).toMatch(/Warning: syntax error on file \/boot\/loader\.conf\r?\nthis = is not one\r?\n +\^/);
      expect(text).toMatch(/before\r?\n[^\n]*inside\.ko[^\n]*\nafter/);
      expect(text).toMatch(/can't find 'absent'\r?\nno such/);
      expect(result.environment.late).toBeUndefined();
      expect(result.reason).toBe("exec");
    });

    it("fall to the prompt when there is no kernel", async () => {
      const { result, text } = await drive(tree, [], 'kernel="nope"\nbootfile="nope"\n');
      expect(text).toMatch(/can't find 'nope'\r?\n/);
      expect(text).toMatch(/can't load 'nope'\r?\n[\s\S]*OK $/);
      expect(result.error?.name).toBe("InputEndedError");
    });
  });
});
