// The guest's choice of interpreter, with the real flavours (and stand-ins where one has to misbehave): matched
// against the table, refused with both names, ended by the swaps limit, explained in the result.

import { readFileSync } from "node:fs";
import { type BootOptions, boot, type Disk, type Flavour, KeysConsole } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { FLAVOURS, modulePath } from "../support/flavours.js";
import { bytesOf } from "../support/sparse_disk.js";
import { runStandIns, standIn } from "../support/stand_ins.js";
import { loaderGuest as guest, marked } from "./marks.js";

const compiled = await Promise.all(FLAVOURS.map((name) => WebAssembly.compile(readFileSync(modulePath(name)))));
const modules = Object.fromEntries(FLAVOURS.map((name, i) => [name, compiled[i]])) as Record<
  Flavour,
  WebAssembly.Module
>;
const run = (disk: Disk, options: BootOptions = {}) =>
  runStandIns(modules, { start: "simp", disks: [disk], ...options });
/** How a guest without scripts ends. */
const AT_PROMPT = { reason: "error", error: { name: "InputEndedError" } };

describe("a mark", () => {
  it.each([0, 5, 65_530, 65_536, 200_000])("at offset %i is found and told", async (before) => {
    const result = await run(guest(marked("lua", before)));
    expect(result).toMatchObject({ ...AT_PROMPT, flavour: "lua", swaps: ["lua"] });
    expect(result.interpreterChecks).toEqual([
      { flavour: "simp", found: "mark", offset: before },
      { flavour: "lua", found: "mark", offset: before },
    ]);
  });

  it("of the running flavour changes nothing", async () => {
    const result = await run(guest(marked("simp")));
    expect(result.swaps).toEqual([]);
    expect(result.interpreterChecks).toEqual([{ flavour: "simp", found: "mark", offset: 100_000 }]);
  });

  it("that is missing means 4th", async () => {
    const result = await run(guest("an old loader"));
    expect(result).toMatchObject({ ...AT_PROMPT, flavour: "4th", swaps: ["4th"] });
    expect(result.interpreterChecks).toEqual([
      { flavour: "simp", found: "no mark" },
      { flavour: "4th", found: "no mark" },
    ]);
  });

  it("is no wish when there is no loader", async () => {
    const result = await run(guest());
    expect(result.swaps).toEqual([]);
    expect(result.interpreterChecks).toEqual([{ flavour: "simp", found: "no loader" }]);
  });

  it("whose name the end of the file cuts off is none of a flavour", async () => {
    const result = await run(guest(marked("lua").subarray(0, -1)));
    expect(result.error).toEqual({
      name: "InterpreterError",
      message: 'guest wants interpreter "lua\xfe"; available: 4th, lua, simp',
    });
  });

  it.each(FLAVOURS.flatMap((flavour) => [3, 4].map((version) => [flavour, version] as [Flavour, 3 | 4])))(
    "is not looked for by %s with interface version %i",
    async (start, interfaceVersion) => {
      const result = await run(guest(marked(start === "lua" ? "4th" : "lua")), { start, interfaceVersion });
      expect(result).toMatchObject({ ...AT_PROMPT, flavour: start, swaps: [], swapRequests: [] });
      expect(result.interpreterChecks).toEqual([{ flavour: start, found: "not looked for" }]);
      expect(result.text).toContain(`User boot ${start}`);
      const forced = await run(guest(marked("simp")), { loader: start, interfaceVersion });
      expect(forced).toMatchObject({ ...AT_PROMPT, flavour: start });
    },
  );
});

describe("names that are no flavour end the session with a clear message", () => {
  it.each(["", "LUA", "lua ", "../../build/userboot_lua", "http://example.org/x.wasm", "__proto__", "\xff\x1b[2J"])(
    "%j",
    async (name) => {
      const result = await run(guest(marked(name)));
      expect(result.error).toEqual({
        name: "InterpreterError",
        message: `guest wants interpreter ${JSON.stringify(name)}; available: 4th, lua, simp`,
      });
      expect(result.swapRequests.map((request) => request.name)).toEqual([name]);
      expect(result.swaps).toEqual([]);
    },
  );

  it("a megabyte long", async () => {
    const result = await run(guest(marked("l".repeat(1 << 20))));
    expect(result.error?.message).toBe(`guest wants interpreter "${"l".repeat(64)}..."; available: 4th, lua, simp`);
    expect(result.swapRequests[0]?.name.length).toBeLessThanOrEqual(65_536);
  });
});

/** Asks for `name` at once. */
const asks = (name: string) =>
  standIn(
    `${[...name].map((c, i) => `store<u8>(block + ${i}, ${c.charCodeAt(0)});`).join(" ")} swap(block, ${name.length});`,
  );

describe("asking for ever (with marks that change: endless.test.ts)", () => {
  it("back and forth ends at the limit of swaps", async () => {
    const disks = [guest(marked("lua"))];
    const result = await runStandIns({ ...modules, lua: await asks("simp") }, { start: "simp", disks });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "swaps", allowed: 4, used: 5 });
    expect(result.swaps).toEqual(["lua", "simp", "lua", "simp"]);
    expect(result.interpreterChecks).toHaveLength(5);
  });

  it("with a disk that is another one every few reads ends as well", async () => {
    const disks = ["lua", "4th"].map((name) => guest(marked(name)));
    let reads = 0;
    const moody: Disk = {
      sectorSize: 512,
      size: disks[0]!.size,
      read: (offset, target) => disks[Math.floor(reads++ / 7) % 2]!.read(offset, target),
    };
    for (const start of FLAVOURS) {
      const result = await run(moody, { start });
      expect(["LimitError", "InterpreterError", "InputEndedError"]).toContain(result.error?.name);
    }
  });

  it("one flavour asking for itself ends too", async () => {
    const result = await runStandIns({ lua: await asks("lua") });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "swaps" });
  });
});

it("a forced interpreter that the guest doesn't want ends the session, naming both", async () => {
  const result = await run(guest(marked("lua")), { loader: "simp" });
  expect(result.error).toEqual({
    name: "InterpreterError",
    message: 'guest wants interpreter "lua"; "simp" was forced',
  });
});

it("the environment of the caller is applied again, not what the first pass left", async () => {
  // The second pass asks the host for the first entry and prints it.
  const lua = await standIn("const n = getenv(0, block, 100); write(block, n); exit(1);");
  const result = await runStandIns(
    { ...modules, lua },
    { start: "simp", env: ["currdev=disk9:", "x=y"], disks: [guest(marked("lua"))] },
  );
  expect(result.text.endsWith("currdev=disk9:")).toBe(true);
});

describe("between the real flavours", () => {
  const pairs = FLAVOURS.flatMap((start) => FLAVOURS.map((wanted) => [start, wanted] as const));

  it.each(pairs)("started with %s, the guest wants %s", async (start, wanted) => {
    const bytes = bytesOf(guest(marked(wanted)));
    for (const isolation of ["thread", "process", "none"] as const) {
      const env = ["autoboot_delay=NO", "mine=kept"];
      const console = new KeysConsole(["show mine\r"]);
      const result = await boot({ disks: [bytes], start, env, console, clock: "virtual", isolation });
      const swaps = start === wanted ? [] : [wanted];
      expect(result).toMatchObject({ flavour: wanted, swaps, error: { name: "InputEndedError" } });
      expect(result.interpreterChecks).toEqual(
        [start, ...swaps].map((flavour) => ({ flavour, found: "mark", offset: 100_000 })),
      );
      // Output goes on: the second flavour's greeting stands behind that of the first.
      const greetings = [...console.text.matchAll(/User boot (\w+)/g)].map(([, name]) => name);
      expect(greetings).toEqual([start, ...swaps]);
      expect(console.text).toContain("kept");
      // A forced flavour stays, or the session ends and says why.
      const forced = await boot({ disks: [bytes], loader: start, env, clock: "virtual", isolation });
      const error = swaps.length > 0 ? { name: "InterpreterError", message: forcedMessage(wanted, start) } : {};
      expect(forced.error).toMatchObject(error);
    }
  });

  const forcedMessage = (wanted: string, forced: string) =>
    `guest wants interpreter "${wanted}"; "${forced}" was forced`;

  it("the second pass has the caller's environment, and memory as new", async () => {
    const image = bytesOf(guest(marked("lua")));
    const console = new KeysConsole(["show\r", "lsmod\r"]);
    const env = ["autoboot_delay=NO", "loader_conf=given", "prompt=caller"];
    const result = await boot({ disks: [image], start: "4th", env, console, clock: "virtual", isolation: "none" });
    expect(result).toMatchObject({ flavour: "lua", swaps: ["lua"], memory: [], modules: [] });
    expect(console.text).toContain("prompt=caller");
    expect(console.text).toContain("loader_conf=given");
  });

  it("without a wish it starts with lua", async () => {
    const result = await boot({ disks: [], clock: "virtual" });
    expect(result).toMatchObject({ flavour: "lua", swaps: [] });
  });
});
