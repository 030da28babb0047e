// What operators lean on: the statuses as docs/operating.md and every --help have them, events of --log json, the line of --summary.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { STATUSES } from "../../build/host/cli/statuses.js";
import { CLI, userboot } from "../support/cli.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { inRepository } from "../support/repository.js";
import { Scratch } from "../support/scratch.js";
import { bytesOf } from "../support/sparse_disk.js";
import { ufsDisk } from "../support/ufs_image.js";
import { ACTING, enters, fails, waits } from "./text_guests.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const DISK = scratch.file("disk.img", guestImage(GUESTS.amd64));
const QUIET = ["-c", "none", "--clock", "virtual", "-m", "64M", "--isolation", "none"];
const page = readFileSync(inRepository("docs/operating.md"), "utf8");

/** Rows of the page's table that begins with `head`, cell by cell, without their marks. */
function rows(head: string): string[][] {
  const [, table = ""] = page.split(`\n| ${head}`);
  return table
    .split("\n")
    .slice(2, table.split("\n").indexOf(""))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.replaceAll("`", "").trim()),
    );
}

interface Event {
  time: string;
  event: string;
  [member: string]: unknown;
}

/** The events of a run, each of which the page has; its status, its stdout. */
function logged(...args: string[]): { events: Event[]; status: number | null; stdout: string } {
  const { stderr, stdout, status } = userboot([...args, "--log", "json"], { encoding: "utf8" });
  const known = new Map(rows("event ").map(([event, , besides]) => [event, besides]));
  const events = stderr
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Event);
  for (const { time, event, ...members } of events) {
    expect(time).toBe(new Date(time).toISOString());
    expect([...known.keys()]).toContain(event);
    if (event === "end") continue; // Its members are those of --summary.
    for (const member of Object.keys(members)) expect(known.get(event)?.split(/\W+/)).toContain(member);
  }
  expect(events.at(-1)).toMatchObject({ event: "exit", status });
  return { events, status, stdout };
}

describe("exit statuses", () => {
  it("are in the documentation as in the program", () => {
    const told: Record<string, Record<string, string>> = {};
    for (const [commands = "", status = "", meaning = ""] of rows("command"))
      for (const command of commands.split(", ")) told[command] = { ...told[command], [status]: meaning };
    expect(told).toEqual(STATUSES);
  });

  it("are in the help of every command", () => {
    const commands = [...userboot(["--help"]).stdout.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name);
    expect(commands.filter((name) => name !== "help").sort()).toEqual(Object.keys(STATUSES).sort());
    for (const [command, meanings] of Object.entries(STATUSES)) {
      const [, said = ""] = userboot([command, "--help"], { encoding: "utf8" }).stdout.split("\nExit status:\n");
      const lines = said.trimEnd().split("\n");
      expect(lines.map((line) => [...(/^ {2}(\S+) +(.*)$/.exec(line) ?? [])].slice(1))).toEqual(
        Object.entries(meanings),
      );
    }
  });

  it("of bhyveload are those that docs/bhyve.md compares", () => {
    const [, table = ""] = readFileSync(inRepository("docs/bhyve.md"), "utf8").split("\n| exit status");
    const statuses = [...table.matchAll(/^\| +(\d+) \|/gm)].map(([, status]) => status);
    expect(statuses).toEqual(Object.keys(STATUSES.bhyveload));
  });
});

describe("stderr", () => {
  it("is empty when all is well", () => {
    for (const command of [["boot"], ["pack", "-o", `${scratch.path}/guest.elf`]])
      expect(userboot([...command, "-d", DISK, ...QUIET])).toMatchObject({ status: 0, stdout: "", stderr: "" });
  });

  it("has one line with --summary", () => {
    const { stderr, status } = userboot(["boot", "-d", DISK, ...QUIET, "--summary"]);
    expect(stderr).toMatch(
      /^userboot: interpreter=simp kernel=\/boot\/kernel\/kernel modules=2 bytes=\d{6} ms=\d+ exit=exec status=0\n$/,
    );
    expect(status).toBe(0);
    expect(page).toMatch(/\n {6}userboot: interpreter=\w+ kernel=\S+ modules=\d bytes=\d+ ms=\d+ exit=exec status=0\n/);
  });

  it("says in it how a boot ended that entered nothing", () => {
    const disk = scratch.file("reboots.img", bytesOf(ufsDisk({ "/boot/loader.rc": "reboot\n" })));
    const { stderr, status } = userboot(["boot", "-d", disk, ...QUIET, "-l", "simp", "--summary"]);
    expect(stderr).toMatch(/^userboot: interpreter=simp modules=0 bytes=\d+ ms=\d+ exit=exit status=3\n$/);
    expect(status).toBe(3);
  });
});

describe("--log json", () => {
  it("tells of a boot, and of nothing else", () => {
    const { events, status, stdout } = logged("boot", "-d", DISK, ...QUIET, "--verbose", "--json");
    expect(status).toBe(0);
    const [start, ...others] = events;
    expect(start).toMatchObject({ event: "start", disks: [DISK], memory: 64 * 1024 * 1024, isolation: "none" });
    expect(others.at(-2)).toMatchObject({
      ...{ event: "end", interpreter: "simp", kernel: "/boot/kernel/kernel", modules: 2, exit: "exec", status: 0 },
      bytes: JSON.parse(stdout).disk.bytes,
    });
    expect(others.slice(0, -2).map(({ event }) => event)).toContain("message");
  });

  it("tells of a failure once, with what was looked at", () => {
    const empty = scratch.file("empty.img", Buffer.alloc(1 << 20));
    const { events, status } = logged("boot", "-d", empty, ...QUIET);
    expect(status).toBe(1);
    const kinds = events.map(({ event }) => event);
    expect(kinds.slice(0, 3)).toEqual(["start", "end", "message"]);
    expect(new Set(kinds.slice(3, -1))).toEqual(new Set(["problem"]));
    expect(events[1]).toMatchObject({ exit: "error", status: 1, error: { name: "InputEndedError" } });
  });

  it.each([
    ["a disk that isn't there", ["boot", "-d", "/nowhere.img", "-c", "none"], /\/nowhere\.img/],
    ["an unknown option", ["boot", "-d", DISK, "--nonsense"], /--nonsense/],
    ["a console on stderr", ["boot", "-d", DISK, "--json"], /-c none/],
    ["a console on stderr, of pack", ["pack", "-d", DISK, "-o", "-"], /-c none/],
  ])("tells of wrong usage: %s", (_, args, message) => {
    const { events, status } = logged(...args);
    expect(status).toBe(2);
    expect(events.filter(({ event }) => event === "message")).toEqual([
      expect.objectContaining({ message: expect.stringMatching(message) }),
    ]);
  });

  it("has what is measured, and what a policy logs", () => {
    const policy = scratch.file("policy.lua", 'function onFile(file) log("saw " .. file.path .. "\\n") end');
    const { events } = logged("boot", "-d", DISK, ...QUIET, "--measure", "--policy", policy);
    const files = events.filter(({ event }) => event === "file");
    expect(files).toContainEqual(
      expect.objectContaining({ sha256: expect.stringMatching(/^[0-9a-f]{64}$/), path: "/boot/kernel/kernel" }),
    );
    expect(events).toContainEqual(expect.objectContaining({ event: "policy", message: "saw /boot/kernel/kernel?" }));
    expect(events).toContainEqual(
      expect.objectContaining({ event: "measured", filesDigest: expect.any(String), stateDigest: expect.any(String) }),
    );
  });

  it("shows what a guest says, on its line, and does nothing to a terminal", () => {
    const acts = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
    const names = { enters: enters(), waits: waits(), fails: fails() };
    for (const [name, image] of Object.entries(names)) {
      const disk = scratch.file(`${name}.img`, image);
      const args = [CLI, "boot", "-d", disk, ...QUIET, "--verbose", "--measure", "--log", "json"];
      const { stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
      const lines = stderr.trimEnd().split("\n");
      for (const line of lines) {
        expect(line).not.toMatch(acts);
        // Nor as an escape that a reader would undo.
        expect(JSON.stringify(JSON.parse(line))).toBe(line);
        for (const text of Object.values(JSON.parse(line) as Event))
          if (typeof text === "string") expect(text).not.toMatch(acts);
      }
      const end = lines.map((line) => JSON.parse(line) as Event).find(({ event }) => event === "end");
      if (name === "enters") expect(end?.kernel).toMatch(/^\/boot\/kernel\?\[2J\?.*\/kernel\?/);
      expect(JSON.stringify(end)).not.toContain(ACTING);
    }
  });
});
