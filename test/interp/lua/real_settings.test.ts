// What FreeBSD's own Lua scripts make of settings that guests have: odd lines, modules with commands of their own, files
// that name files, kernels that aren't there. ../sources.ts says where the scripts are looked for.

import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { drive as boot } from "../screen.js";
import { BOOTABLE, driveLua as drive, findSources, loaded, scripts, scriptText } from "../sources.js";

const MODULE = BOOTABLE["/boot/modules/outside.ko"] as Uint8Array;

const sources = findSources("lua");

describe.skipIf(sources.length === 0)("FreeBSD's own Lua scripts, with settings", () => {
  describe.each(sources)("$name", ({ path: source }) => {
    /** Releases differ in these; whether this one has them is in its scripts. */
    const config = scriptText(source, "config");

    it("read comments, quotes and blanks wherever they are", async () => {
      const { result, text } = await drive(
        source,
        `# a comment
   # one further in

own.words="one two"   # behind a setting
own.blanks = "around"
\town.tab="tab"
own.hash="quoted # no comment"
own.word=word
own.number=12
own.less=-5
own.none=""
own.percent="100%"
own.other="\${own.words} and $own.word"
`,
      );
      expect(result.reason).toBe("exec");
      expect(result.environment).toMatchObject({
        "own.words": "one two",
        "own.blanks": "around",
        "own.tab": "tab",
        "own.hash": "quoted # no comment",
        "own.word": "word",
        "own.number": "12",
        "own.less": "-5",
        "own.none": "",
        "own.percent": "100%",
        "own.other": "one two and word",
      });
      expect(text).not.toMatch(/Malformed|Failed to parse/);
    });

    it("name the lines that they can't read, and go on", async () => {
      const { result, text } = await drive(
        source,
        'own.first="1"\nthis is no setting\nown.open="never closed\nown.quote=\'single\'\nown.last="2"\n',
      );
      expect(text).toMatch(/Malformed line \(2\):\r\n\t'this is no setting'\r\n/);
      expect(text).toMatch(/Malformed line \(3\):\r\n\t'own.open="never closed'\r\n/);
      expect(text).toMatch(/Malformed line \(4\):\r\n\t'own.quote='single''\r\n/);
      expect(text).toMatch(/Failed to parse config: '\/boot\/loader.conf'\r\n/);
      expect(result.reason).toBe("exec");
      expect(result.environment).toMatchObject({ "own.first": "1", "own.last": "2" });
      expect(result.environment["own.open"]).toBeUndefined();
    });

    it("run commands of a file", async () => {
      const { text } = await drive(
        source,
        `own.what="settings"
exec="echo 'from  the' \${own.what}"
exec="nonsense"
`,
      );
      expect(text).toMatch(/\r\nfrom {2}the settings\r\nFailed to exec 'nonsense'\r\n/);
    });

    it("run commands before and after modules, and when there is none", async () => {
      const { result, text } = await drive(
        source,
        `verbose_loading="YES"
inside_load="YES"
inside_before="echo now comes inside"
inside_after="echo inside has come"
absent_load="YES"
absent_error="echo too bad"
black_load="YES"
module_blacklist="black"
blob_load=YES
blob_type="blob"
blob_name="/boot/blob"
outside_load="YES"
outside_name="/boot/modules/outside.ko"
outside_flags="two words"
`,
        { "/boot/blob": "a blob", "/boot/modules/black.ko": MODULE },
      );
      expect(text).toMatch(
        /inside\.\.\.now comes inside\r\n\/boot\/kernel\/inside\.ko .*\r\ninside has come\r\nok\r\n/,
      );
      expect(text).toMatch(/absent\.\.\.can't find 'absent'\r\nfailed!\r\ntoo bad\r\n/);
      expect(text).toMatch(/Not loading blacklisted module 'black'\r\n/);
      expect(loaded(result).toSorted()).toEqual([
        "/boot/blob",
        "/boot/kernel/inside.ko",
        "/boot/kernel/kernel",
        "/boot/modules/outside.ko",
      ]);
      expect(result.modules.find(({ name }) => name === "/boot/blob")).toMatchObject({ type: "blob", size: 6 });
    });

    it("read the files that files name", async () => {
      const { result, text } = await drive(
        source,
        'loader_conf_files="/boot/loader.conf /boot/first.conf /boot/second.conf"\nown.order="loader"\n',
        {
          "/boot/first.conf": `own.order="\${own.order} first"\nloader_conf_files="/boot/third.conf"\n`,
          "/boot/second.conf": `own.order="\${own.order} second"\n`,
          "/boot/third.conf": `own.order="\${own.order} third"\n`,
        },
      );
      expect(text).toMatch(/Loading \/boot\/first\.conf\r\n[\s\S]*Loading \/boot\/third\.conf\r\n/);
      expect(result.environment["own.order"]).toBe("loader first third second");
    });

    it.skipIf(!config.includes("loader_conf_dirs"))("read the directories that files name", async () => {
      const { result, text } = await drive(source, 'loader_conf_dirs="/boot/loader.conf.d /boot/absent.d"\n', {
        "/boot/loader.conf.d/b.conf": 'own.b="b"\n',
        "/boot/loader.conf.d/a.conf": 'own.a="a"\n',
        "/boot/loader.conf.d/c.txt": 'own.c="c"\n',
        "/boot/loader.conf.d/d.conf/within.conf": 'own.d="d"\n',
      });
      expect(text).toMatch(/'\/boot\/absent\.d': not a directory\r\n/);
      expect(result.environment).toMatchObject({ "own.a": "a", "own.b": "b" });
      expect(result.environment["own.c"] ?? result.environment["own.d"]).toBeUndefined();
    });

    it.skipIf(!config.includes("MSG_FAILEXECLUA"))("run settings that are a script", async () => {
      const { result, text } = await drive(source, 'loader_conf_files="/boot/own.lua /boot/broken.lua"\n', {
        "/boot/own.lua": 'own_text = "by a script"\nown_count = 3 * 4\ninside_load = "YES"\nown_before = kernel\n',
        "/boot/broken.lua": "own_text = absent .. 1\n",
      });
      expect(result.environment).toMatchObject({ own_text: "by a script", own_count: "12", own_before: "kernel" });
      expect(loaded(result)).toContain("/boot/kernel/inside.ko");
      expect(text).toMatch(/Failed to execute lua conf '\/boot\/broken\.lua': .*attempt to concatenate a nil value/);
    });

    it("boot once what nextboot asked for", async () => {
      const { result } = await drive(source, "", {
        "/boot/nextboot.conf": 'nextboot_enable="YES"\nkernel="kernel.old"\nkernel_options="-s"\n',
      });
      expect(result.reason).toBe("exec");
      expect(loaded(result)[0]).toBe("/boot/kernel.old/kernel");
      const off = await drive(source, "", { "/boot/nextboot.conf": 'nextboot_enable="NO" \nkernel="kernel.old"\n' });
      expect(loaded(off.result)[0]).toBe("/boot/kernel/kernel");
    });

    it.each([
      ["a directory's name", 'kernel="kernel.old"\n'],
      ["a directory", 'kernel="/boot/kernel.old"\n'],
      ["a file", 'kernel="/boot/kernel.old/kernel"\n'],
      ["a file as bootfile", 'bootfile="/boot/kernel.old/kernel"\n'],
    ])("load the kernel that is named by %s", async (_, setting) => {
      const { result } = await drive(source, `${setting}kernels_autodetect="NO"\n`);
      expect(result.reason).toBe("exec");
      expect(loaded(result)).toEqual(["/boot/kernel.old/kernel"]);
    });

    it("load what is compressed", async () => {
      const { "/boot/kernel/kernel": kernel, ...rest } = { ...scripts(source, "lua"), ...BOOTABLE };
      const { result } = await boot(
        {
          ...rest,
          "/boot/loader.conf": 'memory_load="YES"\nmemory_type="md_image"\nmemory_name="/boot/memory"\n',
          "/boot/loader": "$Interpreter:lua\0",
          "/boot/kernel/kernel.gz": gzipSync(kernel as Uint8Array),
          "/boot/memory.gz": gzipSync(Buffer.alloc(100_000, 7)),
        },
        [],
      );
      expect(result.reason).toBe("exec");
      expect(loaded(result)).toEqual(["/boot/kernel/kernel", "/boot/memory"]);
      expect(result.modules[1]).toMatchObject({ type: "md_image", size: 100_000 });
    });

    it("look for modules where they are told", async () => {
      const { result } = await drive(
        source,
        'module_path="/boot/own;/boot/modules"\nmine_load="YES"\ninside_load="YES"\n',
        {
          "/boot/own/mine.ko": MODULE,
        },
      );
      expect(loaded(result).toSorted()).toEqual(["/boot/kernel/inside.ko", "/boot/kernel/kernel", "/boot/own/mine.ko"]);
      expect(result.environment.module_path).toBe("/boot/kernel;/boot/own;/boot/modules");
    });

    it("boot on a serial console", async () => {
      const { result, shown } = await drive(
        source,
        'boot_serial="YES"\ncomconsole_speed="115200"\nconsole="comconsole"\n',
        {},
        [{ waitS: 1 }, "\r"],
      );
      expect(shown[0]).toMatch(/1\. Boot Multi user \[Enter\]/);
      // Releases since 12.1 draw the frame with what any terminal has.
      expect(shown[0]).toMatch(/(\+-+|\xc9\xcd+) *Welcome to/);
      expect(result.reason).toBe("exec");
      expect(result.environment).toMatchObject({ boot_serial: "YES", console: "comconsole" });
    });

    it("fall to the prompt when there is no kernel", async () => {
      const { result, text } = await drive(source, 'kernel="gone"\nkernels_autodetect="NO"\n', {}, [
        "\r",
        "echo here\r",
      ]);
      expect(text).toMatch(/Loading kernel\.\.\.\r\n[\s\S]*Failed to load kernel 'gone'\r\n/);
      expect(text).toMatch(/can't load 'kernel'\r\n/);
      expect(text).toMatch(/OK echo here\r\nhere\r\nOK /);
      expect(result.error?.name).toBe("InputEndedError");
    });

    it("fall to the prompt when the kernel is none", async () => {
      const { result, text } = await drive(source, 'kernel="bad"\n', { "/boot/bad/kernel": "no kernel at all" }, [
        "\r",
        "boot kernel\r",
      ]);
      expect(text).toMatch(/Failed to load kernel 'bad'\r\n/);
      expect(result.reason).toBe("exec");
      expect(loaded(result)[0]).toBe("/boot/kernel/kernel");
    });
  });
});
