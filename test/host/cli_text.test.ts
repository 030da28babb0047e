// Point 5 of the promises: text of a guest that reaches an operator, by whatever way, does nothing but show.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { printable } from "userboot-wasm";
import { afterAll, describe, expect, it } from "vitest";
import { printableJson } from "../../build/host/json_text.js";
import { CLI } from "../support/cli.js";
import { recordedImage } from "../support/guests.js";
import { inRepository } from "../support/repository.js";
import { Scratch } from "../support/scratch.js";
import { ACTING, ACTING_LINES, enters, fails, renamePool, swaps, waits } from "./text_guests.js";

const mirror = recordedImage("zfs-mirror");
const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const GUESTS = {
  enters: scratch.file("enters.img", enters()),
  waits: scratch.file("waits.img", waits()),
  swaps: scratch.file("swaps.img", swaps()),
  fails: scratch.file("fails.img", fails()),
};
const ACTS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** Logs, formats and measures all that a policy is told; `last` is what onExec does then. */
const policy = (last: string) =>
  scratch.file(
    "policy.lua",
    `local function tell(...)
       for _, v in ipairs({...}) do
         if type(v) == "table" then for key, value in pairs(v) do tell(key, value) end
         else log(v, string.format("%-9s %.3s %q", v, v, v), sha256(tostring(v))) end
       end
     end
     function onEnvironment(e) tell(e) end
     function onSetenv(name, value) tell(name, value) end
     function onFile(file) tell(file) end
     function onKernel(kernel) tell(kernel) end
     function onExec(machine) tell(machine); local name = machine.modules[1].name; ${last} end`,
  );

/** What the program printed, without the guest's console; checked line by line. */
function userboot(args: string[], program = CLI) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { timeout: 30_000 });
  for (const text of [stdout.toString("utf8"), stderr.toString("utf8")]) {
    for (const line of text.split("\n")) {
      expect(line).not.toMatch(ACTS);
      // A line that the guest wrote as if it came from here.
      expect(line).not.toMatch(/^userboot: all is well/);
    }
  }
  return { status, stdout: stdout.toString("utf8"), stderr: stderr.toString("utf8") };
}

const QUIET = ["--clock", "virtual", "-c", "none", "-m", "64"];

describe("what a guest says reaches an operator as text that only shows (5)", () => {
  it.each(Object.keys(GUESTS) as (keyof typeof GUESTS)[])("from all outputs of a guest that %s", (guest) => {
    const out = join(scratch.path, guest);
    const args = ["boot", "-d", GUESTS[guest], ...QUIET, "--verbose", "--measure", "--json", "--out", out];
    const { stdout, stderr, status } = userboot([...args, "--policy", policy("")]);
    expect(status).toBe(guest === "enters" ? 0 : 1);
    const result = JSON.parse(stdout);
    expect(readFileSync(join(out, "result.json"), "utf8")).toBe(stdout);
    if (guest === "swaps") {
      expect(result.swapRequests[0].name).toBe(ACTING);
      expect(stderr).toMatch(/^userboot: guest wants interpreter "/m);
      return;
    }
    expect(stderr).toMatch(/^policy: lines lines +lin "lines" [0-9a-f]{64}$/m);
    expect(stderr).toMatch(/^[0-9a-f]{64} 4 data disk0p1:\/boot\/lines/m);
    if (guest !== "enters") return expect(stderr).toMatch(/^userboot: /m);
    // Nothing is lost where programs read.
    expect(result.environment).toMatchObject({ [`v${ACTING}`]: ACTING, lines: ACTING_LINES });
    expect(result.modules).toMatchObject([
      { name: `/boot/kernel${ACTING}/kernel${ACTING}`, args: `-${ACTING}` },
      { name: `/boot/data${ACTING}`, type: `type${ACTING}` },
    ]);
  });

  it.skipIf(mirror === undefined)("from a guest on a ZFS pool of such a name", () => {
    const labels = [0, 262144, 131072 * 512 - 524288, 131072 * 512 - 262144];
    const image = scratch.file("zfs.img", renamePool(mirror!, 296 * 512, labels, "synth"));
    const { stdout, stderr } = userboot(["boot", "-d", image, ...QUIET, "--measure", "--json", "--policy", policy("")]);
    expect(stderr).toMatch(/^[0-9a-f]{64} \d+ \w+ zfs:\?\[2J/m);
    expect(JSON.parse(stdout).environment.currdev).toContain(`zfs:${ACTING.slice(0, 5)}`);
  });

  it.each([
    [
      "denies",
      'return deny("not " .. name)',
      1,
      /^userboot: entering the kernel denied by policy\.lua:\d+: not .*kernel/m,
    ],
    ["fails", "error(name)", 2, /^userboot: policy\.lua:\d+: .*kernel/m],
    ["answers wrongly", "return name", 2, /^userboot: policy\.lua: onExec answered a string/m],
    ["reads what isn't granted", "read(name)", 2, /^userboot: policy\.lua:\d+: file '.*' is not granted$/m],
  ])("from a policy that %s", (_, last, status, line) => {
    const ended = userboot(["boot", "-d", GUESTS.enters, ...QUIET, "--policy", policy(last)]);
    expect(ended.stderr).toMatch(line);
    expect(ended.status).toBe(status);
  });

  it("from `pack`, wrong arguments and `npm start`", () => {
    const file = join(scratch.path, "packed");
    expect(userboot(["pack", "-d", GUESTS.enters, ...QUIET, "-o", file, "--verbose", "--measure"]).status).toBe(0);
    for (const args of [
      [`--${ACTING_LINES}`],
      ["boot", "-c", ACTING_LINES],
      ["boot", "-d", `/none${ACTING_LINES}`],
      ["boot", "-d", GUESTS.enters, "-m", ACTING_LINES],
      ["boot", "-d", GUESTS.enters, "--input", `@${ACTING_LINES}`],
      ["run", "-d", GUESTS.enters, "--vmm", ACTING_LINES],
      ["pack", "-d", GUESTS.enters, "-o", `/none/${ACTING_LINES}`],
    ]) {
      const { status, stderr } = userboot(args);
      expect(stderr).toMatch(/^userboot: .*\n$/);
      expect(status).toBe(2);
    }
    const start = [...QUIET, "--start", "simp", "--interface", "4"];
    const script = "load /boot/kernel/kernel\\rload -t $t /boot/notes.txt\\rboot\\r";
    const { stdout, status } = userboot(
      [...start, "-e", `t=t${ACTING}`, "--input", `\\w{1} unload\\r${script}`],
      inRepository("scripts/start.mjs"),
    );
    expect(stdout).toMatch(/^\/boot\/notes\.txt +t\?\[2J/m);
    expect(status).toBe(0);
  });
});

describe("printable text", () => {
  it("shows what is UTF-8 as that, and what acts as a question mark", () => {
    expect(printable("caf\xc3\xa9 \u20ac")).toBe("caf\xc3\xa9 \u20ac");
    expect(printable("caf\xc3\xa9")).toBe("caf\u00e9");
    expect(printable("caf\xe9 \x9b \x7f\r\n")).toBe("caf\xe9 ? ???");
    expect(printable("\xe2\x80\xae \u2028 \ud800 \u200f".slice(0, 3))).toBe("?");
    expect(printable("\u2028 \ud800 \u200f \u{e0041} \ufeff")).toBe("? ? ? ? ?");
  });

  it("holds nothing that acts, whatever it is made of, and JSON keeps its meaning", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
      fc.string({ unit: fc.integer({ min: 0, max: 0xff }).map((unit) => String.fromCharCode(unit)) }),
    );
    fc.assert(
      fc.property(text, (sample) => {
        expect(printable(sample)).not.toMatch(ACTS);
        const json = printableJson({ [sample]: [sample] });
        expect(JSON.parse(json)).toEqual({ [sample]: [sample] });
        expect(json.replaceAll("\n", "")).not.toMatch(ACTS);
      }),
    );
  });
});
