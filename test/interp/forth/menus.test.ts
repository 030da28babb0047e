// Scripts of our own in the manner of boot menus: settings read from a file, a menu whose lines are variables with
// numbered names, a countdown that a key stops, commands that are caught. They are what guests use the words for.

import type { Keys } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { linkedFile, objectFile } from "../../support/elf_image.js";
import type { Files } from "../../support/ufs_image.js";
import { drive } from "../screen.js";

const KERNEL = linkedFile({ bits: 64, segments: [{ size: 9000 }, { size: 900, bss: 5000, writable: true }] }).bytes;

/** Reads `name="value"` lines of a file, character by character, and sets variables. */
const SETTINGS = String.raw`
\ Texts on the heap: address and length in two cells.
: text:  create 0 , 0 ,  does> ;
: text@  dup @ swap cell+ @ ;
: keep ( addr u text -- )
  >r dup allocate abort" no memory"  ( addr u copy )
  swap 2dup r@ cell+ ! r> ! move ;
text: name  text: setting
vocabulary reading  also reading definitions
variable file  variable line  variable size  variable mark  variable unread?
256 constant limit
: more? ( -- flag )  file @ fkey dup -1 = if drop false exit then
  dup 10 = if drop true else size @ limit < if line @ size @ + c!  1 size +!  else drop then recurse then ;
: c>line  line @ mark @ + c@ ;
: done?  mark @ size @ < 0= ;
: blank? ( c -- flag )  dup bl = swap 9 = or ;
: skip-blanks  begin done? if exit then c>line blank? while 1 mark +! repeat ;
: word? ( c -- flag )  dup [char] = <> swap blank? 0= and ;
: take-name ( -- addr u )
  skip-blanks line @ mark @ + 0
  begin done? 0= while c>line word? while 1+ 1 mark +! repeat then ;
: take-value ( -- addr u )
  skip-blanks done? if 0 0 exit then
  c>line [char] = <> if 101 throw then  1 mark +!
  c>line [char] " <> if 102 throw then  1 mark +!
  line @ mark @ + 0
  begin done? if 103 throw then c>line [char] " <> while 1+ 1 mark +! repeat ;
: comment? ( -- flag )  0 mark ! skip-blanks done? if true else c>line [char] # = then ;
: one-line  comment? if exit then  take-name name keep  take-value setting keep
  setting text@ name text@ setenv ;
only forth also reading definitions
: read-settings ( addr u -- )
  0 fopen dup -1 = if drop ." no settings" cr exit then file !
  limit allocate throw line !
  begin 0 size ! more? size @ 0<> or while
    ['] one-line catch ?dup if ." error " . ." in: " line @ size @ type cr then
  repeat
  line @ free drop file @ fclose ;
only forth definitions
`;

/** A menu: captions in environment variables `caption[1]`..., commands in `action[1]`.... */
const MENU = `
s" loader_version" environment? [if] 3 < [if] .( too old) cr abort [then] [else] abort [then]
only forth also reading also forth definitions
: esc[  27 emit [char] [ emit ;
: at-xy ( x y -- )  esc[ .# [char] ; emit .# [char] H emit ;
: page  esc[ ." 2J" 1 1 at-xy ;
create numbered 32 allot  variable numbered#
: +text ( addr u -- )  dup >r numbered numbered# @ + swap move r> numbered# +! ;
: n> ( n addr u -- addr u )  0 numbered# ! +text s" [" +text  0 <# # #> +text  s" ]" +text  numbered numbered# @ ;
: caption ( n -- addr u | -1 )  s" caption" n> getenv ;
: action ( n -- addr u | -1 )  s" action" n> getenv ;
variable chosen  variable until-time  variable left
: variables-of ( n -- )  0 numbered# ! s" variable on" +text 0 <# # #> +text numbered numbered# @ evaluate ;
: make-variables  10 1 do i variables-of loop ;
make-variables
: on ( n -- addr )  0 numbered# ! s" on" +text 0 <# # #> +text numbered numbered# @ sfind if execute else drop abort then ;
: show-line { n -- }
  n caption dup -1 = if drop exit then
  4 n 2 + at-xy  n .# ." . " type  n on @ if ."  (on)" else ."       " then ;
: show-menu  page 6 1 at-xy ." Our menu"  10 1 do i show-line loop ;
: say-left  4 20 at-xy ." Boots in " left @ . ." seconds " ;
: timed-key ( -- key | 0 )
  s" delay" getenv dup -1 = if drop 3 else 0 0 2swap >number 2drop drop then
  dup left ! seconds + until-time !
  begin say-left key? if key exit then
    50 ms  until-time @ seconds - dup left ! 1 <
  until 0 ;
: toggle ( n -- )  on dup @ 0= swap ! ;
: run-action ( n -- )
  action dup -1 = if drop exit then
  ['] evaluate catch ?dup if 4 21 at-xy ." failed: " . 2drop then ;
: choose ( key -- )
  case
    13 of 1 run-action endof
    27 of 1 chosen ! endof
    [char] 0 - dup 1 10 within if dup run-action then
  endcase ;
: menu  show-menu timed-key ?dup 0= if 13 then
  0 chosen !
  begin choose chosen @ 0= while key repeat
  4 22 at-xy ;
`;

const FILES = {
  "/boot/settings.4th": SETTINGS,
  "/boot/menu.4th": MENU,
  "/boot/settings": `# a comment
caption[1]="Boot"
action[1]="boot-it"

caption[2]="Verbose"
action[2]="2 toggle 2 show-line"
  caption[3] = "Broken"
caption[3]="Broken"
action[3]="nosuchword"
caption[4]="Throws"
action[4]="77 throw"
unfinished="value
kernel="/boot/kernel"`,
  "/boot/loader.rc": `
include /boot/settings.4th
include /boot/menu.4th
: load-file ( addr u -- )  1 load ;
: boot-it
  2 on @ if s" YES" s" boot_verbose" setenv then
  s" kernel" getenv ['] load-file catch if 2drop ." no kernel" cr exit then
  s" -s" 1 boot ;
s" /boot/settings" read-settings
menu
`,
  "/boot/kernel": KERNEL,
  "/boot/module.ko": objectFile({}),
};

async function run(keys: readonly Keys[], more: Files = {}) {
  const { result, text, shown, last } = await drive({ ...FILES, ...more }, keys, { start: "4th" });
  const rows = (screen: string) => screen.split("\n");
  return { result, text: text.replaceAll("\r", ""), shown: shown.map(rows), rows: rows(last) };
}

describe("a menu in Forth", () => {
  it("shows lines from variables with numbered names", async () => {
    const { shown } = await run([{ waitS: 1 }, "\x1b", "\r"]);
    expect(shown[0]?.slice(0, 7)).toEqual([
      "     Our menu",
      "",
      "   1. Boot",
      "   2. Verbose",
      "   3. Broken",
      "   4. Throws",
      "",
    ]);
  });

  it("counts down and boots", async () => {
    const { result, text } = await run([]);
    expect([...text.matchAll(/Boots in (\d)/g)].map(([, n]) => n).filter((n, i, all) => n !== all[i - 1])).toEqual([
      "3",
      "2",
      "1",
    ]);
    expect(result.reason).toBe("exec");
    expect(result.environment.boot_verbose).toBeUndefined();
  });

  it("takes its delay from the settings", async () => {
    const { text } = await run([], { "/boot/settings": `delay="7"\n${FILES["/boot/settings"]}` });
    expect(text).toMatch(/Boots in 7/);
  });

  it("switches an option before it boots", async () => {
    const { result, shown } = await run(["2", "2", "2", "1"]);
    expect(shown[1]?.[3]).toBe("   2. Verbose (on)");
    expect(shown[2]?.[3]).toBe("   2. Verbose");
    expect(result.reason).toBe("exec");
    expect(result.environment.boot_verbose).toBe("YES");
  });

  it("goes on when an action fails or throws", async () => {
    const { shown, rows } = await run(["3", "4", "\x1b", "2 on @ .\r"]);
    expect(shown[1]?.join("\n")).toMatch(/nosuchword not found/);
    expect(shown[1]?.join("\n")).toMatch(/failed: -260/);
    expect(shown[2]?.join("\n")).toMatch(/failed: 77/);
    expect(rows.join("\n")).toMatch(/OK 2 on @ \.\n0 OK/);
  });

  it("says that there is no kernel, and stays", async () => {
    const { result, shown } = await run(["1", "\x1b", "1 .\r"], {
      "/boot/settings": FILES["/boot/settings"].replace('"/boot/kernel"', '"/boot/none"'),
    });
    expect(shown[1]?.join("\n")).toMatch(/no kernel/);
    expect(result.error?.name).toBe("InputEndedError");
  });
});

describe("settings read in Forth", () => {
  it("sets what is well formed and tells the lines that aren't", async () => {
    const { result, text } = await run(["\x1b", "show caption[4]\r", "show kernel\r"]);
    expect(text).toMatch(/error 103 in: unfinished="value\n/);
    expect(text).toMatch(/error 102 in: +caption\[3\] = "Broken"\n/);
    expect(text).toMatch(/show caption\[4\]\nThrows\n/);
    expect(text).toMatch(/show kernel\n\/boot\/kernel\n/);
    expect(result.error?.name).toBe("InputEndedError");
  });

  it("says that there are none", async () => {
    const { text } = await run(["\x1b"], {
      "/boot/loader.rc": FILES["/boot/loader.rc"].replace('/boot/settings"', '/none"'),
    });
    expect(text).toMatch(/no settings/);
  });
});
