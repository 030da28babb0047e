// The language of DragonFly's loader, with scripts of our own: conditions, variables, directories, what is loaded, and the
// menu. Whoever has dloader.rc gets it.

import type { Keys } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import type { Files } from "../support/ufs_image.js";
import { drive } from "./screen.js";
import { BOOTABLE, loaded } from "./sources.js";

const KERNEL = BOOTABLE["/boot/kernel/kernel"] as Uint8Array;
const MODULE = BOOTABLE["/boot/kernel/inside.ko"] as Uint8Array;
const GUEST: Files = {
  "/boot/loader": "no mark",
  "/boot/kernel/kernel": KERNEL,
  "/boot/kernel/inside.ko": MODULE,
  "/boot/kernel/modules/deep.ko": MODULE,
  "/boot/kernel.bak/kernel": KERNEL,
  "/boot/picture": "picture",
};

async function run(script: string, keys: readonly Keys[] = [], more: Files = {}) {
  const driven = await drive({ ...GUEST, "/boot/dloader.rc": script, ...more }, keys);
  return { ...driven, text: driven.text.replaceAll("\r\n", "\n") };
}

/** What a script printed that leaves for the prompt. */
const printed = async (script: string, more: Files = {}) => {
  const { text } = await run(`set autoboot_delay=NO\n${script}\n`, [], more);
  return text.slice(text.indexOf("simp, Revision 1.2\n") + 19, text.indexOf("\n\nType '?'"));
};

const MENU = `
set module_path=";modules"
inside_load="YES"
deep_load="YES"
absent_load="NO"
menuclear
menuitem 1 "Boot \${bootfile}"   # the first
menuadd cd \${base}kernel
menuadd loadall
menuadd boot
menuitem b "Backup"
menuadd cd /boot/kernel.bak
menuadd inside_load="NO"
menuadd lunset deep_load
menuadd loadall
menuadd boot -v
menuitem x "Broken"
menuadd nosuch
menuadd reboot
menuitem R "Reboot"
menuadd reboot
menu
`;

describe("DragonFly's menu", () => {
  it("counts down to its first line", async () => {
    const { result, text } = await run(`set bootfile=this\n${MENU}`);
    expect(text).toMatch(/ 1\. Boot this\n b\. Backup\n x\. Broken\n R\. Reboot\n/);
    expect(text).toMatch(/Booting in 9 seconds\.\.\. \rBooting in 8 /);
    expect(text).toMatch(/Booting in 1 second\.\.\. /);
    expect(result.reason).toBe("exec");
    expect(result.swaps).toEqual(["simp"]);
    expect(loaded(result)).toEqual(["/boot/kernel/kernel", "/boot/kernel/inside.ko", "/boot/kernel/modules/deep.ko"]);
    expect(result.environment.base).toBe("/boot/");
  });

  it("waits for as long as autoboot_delay says, and at once for Enter", async () => {
    expect((await run(`autoboot_delay="3"\n${MENU}`)).text).not.toMatch(/in 4 seconds/);
    const { result, text } = await run(MENU, ["\r"]);
    expect(text).not.toMatch(/in [1-8] seconds/);
    expect(loaded(result)).toHaveLength(3);
  });

  it("runs what is behind a key, and stops at the first command that fails", async () => {
    const { result } = await run(MENU, ["?", "b"]);
    expect(result.reason).toBe("exec");
    expect(loaded(result)).toEqual(["/boot/kernel.bak/kernel"]);
    const broken = await run(MENU, ["x", "echo here\r"]);
    expect(broken.text).toMatch(/\nnosuch: unknown command\n[\s\S]*OK echo here\nhere\nOK $/);
    expect((await run(MENU, ["R"])).result).toMatchObject({ reason: "exit", exitCode: 2 });
  });

  it("is halted by space, left by the escape key, and shown again", async () => {
    const { result, text } = await run(MENU, [{ waitS: 2 }, " ", { waitS: 100 }, "\x1b", "pwd\rmenu\r", "b"]);
    expect(text).toMatch(/Countdown halted by space {3}\n\nType '\?'/);
    expect(text).toMatch(/OK pwd\n\/boot\/\n/);
    expect(loaded(result)).toEqual(["/boot/kernel.bak/kernel"]);
  });

  it("doesn't open for ever", async () => {
    const { text } = await run('menuitem 1 "again"\nmenuadd menu\nmenu\n');
    expect(text).toMatch(/menu: menus nested too deeply\n/);
  });
});

describe("DragonFly's commands", () => {
  it("run by conditions", async () => {
    const script = `
ifexists kernel
echo one
elseifexists kernel.bak
echo two
else
echo three
endif
ifexists none
echo four
elseifexists kernel.bak
echo five
endif
ifset base
ifset none
echo six
else
echo seven
endif
endif
ifset none
ifset base
echo eight
endif
else
echo nine
endif`;
    expect((await printed(script)).trim().split("\n")).toEqual(["one", "five", "seven", "nine"]);
    const deep = "ifset base\n".repeat(32);
    expect(await printed(deep)).toMatch(/ifset: if stack too deep\n/);
    expect(await printed("endif")).toMatch(/endif: endif without if\n/);
    expect(await printed("ifexists")).toMatch(/ifexists: ifexists requires one argument\n/);
  });

  it("keep variables of the loader's own, some of which are the kernel's", async () => {
    const script = `
one="1"   # a remark
two.three='t "w" o'
empty=""
one_more=1
local one
lunset one*
local
show two.three`;
    expect((await printed(script)).trim().split("\n")).toEqual([
      'one="1"',
      'one_more="1"',
      'two.three="t "w" o"',
      't "w" o',
    ]);
    expect((await printed("a=1\nset no=0\nset yes=YES\nlunsetif a no\nlocal\nlunsetif a yes\nlocal")).trim()).toBe(
      'a="1"',
    );
    expect((await printed("unset never\necho on")).trim()).toBe("on");
  });

  it("go from directory to directory", async () => {
    const script =
      "cd kernel\npwd\ncd ../kernel.bak/.//\npwd\noptcd none\npwd\ncd\npwd\ncd /\npwd\ncd ../..\npwd\ncd none";
    expect((await printed(script)).trim().split("\n")).toEqual([
      "/boot/kernel/",
      "/boot/kernel.bak/",
      "/boot/kernel.bak/",
      "/boot/",
      "/",
      "/",
      "cd: Unable to find directory",
    ]);
    const files = { "/boot/kernel/one.rc": "echo one\nnosuch\n", "/boot/two.rc": "echo two\n" };
    const included = await printed("cd kernel\noptinclude one.rc none.rc ../two.rc\necho three", files);
    expect(included.trim().split("\n")).toEqual(["one", "nosuch: unknown command", "two", "three"]);
  });

  it("load what is asked for, by its name and type, and tell what they can't", async () => {
    const { result, text } = await run(`
image_load=YES
image_name=/boot/picture
image_type=md_image
gone_load=YES
cd kernel
loadall
boot
`);
    expect(text).toMatch(/Unable to load \/boot\/kernel\/gone\n/);
    expect(loaded(result)).toEqual(["/boot/kernel/kernel", "/boot/picture"]);
    expect(result.modules[1]?.type).toBe("md_image");
    const none = await run("set autoboot_delay=NO\nloadall\n", ["echo here\r"]);
    expect(none.text).toMatch(/Unable to load \/boot\/kernel\nloadall: .*\n[\s\S]*OK echo here\nhere\n/);
  });

  it("are there where /boot is a file system of its own, and nowhere else", async () => {
    const own = await drive({ "/dloader.rc": "pwd\ncd kernel\nloadall\nboot\n", "/kernel/kernel": KERNEL }, []);
    expect(own.result.swaps).toEqual(["simp"]);
    expect(own.text).toMatch(/\r\n\/\r\n/);
    expect(loaded(own.result)).toEqual(["/kernel/kernel"]);
    const marked = await run("pwd\n", [], { "/boot/loader": "$Interpreter:lua\0" });
    expect(marked.result.swaps).toEqual([]);
    const { text } = await drive({ "/boot/loader.rc": "@pwd\n" }, [], { start: "simp" });
    expect(text).toMatch(/pwd: unknown command/);
  });
});
