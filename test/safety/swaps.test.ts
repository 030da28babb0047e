// The guest's choice of interpreter, with the real core and stand-ins for the flavours it asks for: matched
// against the table, refused with both names, ended by the swaps limit, explained in the result.

import { existsSync, readFileSync } from "node:fs";
import { boot, type Disk, KeysConsole } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { UfsImage } from "../fs/ufs_image.js";
import { runStandIns, standIn } from "../host/support.js";

const core = await WebAssembly.compile(readFileSync("build/userboot_simp.wasm"));
const quits = await standIn("exit(1);");
const UFS = { version: 2, blockSize: 32768, fragmentSize: 4096, superblockAt: 65536 } as const;

/** A guest with `content` as its /boot/loader, or without one. */
function guest(content?: string | Uint8Array): Disk {
  const image = new UfsImage(UFS);
  const boot = image.directory(image.root, "boot");
  if (content !== undefined) image.file(boot, "loader", content);
  return image.finish();
}

const marked = (name: string, before = 100_000) => Buffer.from(`${"x".repeat(before)}$Interpreter:${name}\0`, "latin1");
const run = (disk: Disk, options = {}) =>
  runStandIns({ simp: core, lua: quits, "4th": quits }, { start: "simp", disks: [disk], ...options });

describe("a mark", () => {
  it.each([0, 5, 65_530, 65_536, 200_000])("at offset %i is found and told", (before) => {
    const result = run(guest(marked("lua", before)));
    expect(result).toMatchObject({ reason: "exit", flavour: "lua", swaps: ["lua"] });
    expect(result.interpreterChecks).toEqual([
      { flavour: "simp", found: "mark", offset: before },
      { flavour: "lua", found: "not looked for" },
    ]);
  });

  it("of the running flavour changes nothing", () => {
    const result = run(guest(marked("simp")));
    expect(result.swaps).toEqual([]);
    expect(result.interpreterChecks).toEqual([{ flavour: "simp", found: "mark", offset: 100_000 }]);
  });

  it("that is missing means 4th", () => {
    const result = run(guest("an old loader"));
    expect(result).toMatchObject({ flavour: "4th", swaps: ["4th"] });
    expect(result.interpreterChecks[0]).toEqual({ flavour: "simp", found: "no mark" });
  });

  it("is no wish when there is no loader", () => {
    const result = run(guest());
    expect(result.swaps).toEqual([]);
    expect(result.interpreterChecks).toEqual([{ flavour: "simp", found: "no loader" }]);
  });

  it.each([3, 4] as const)("is not looked for below interface version 5: %i", (interfaceVersion) => {
    const result = run(guest(marked("lua")), { interfaceVersion });
    expect(result.swaps).toEqual([]);
    expect(result.interpreterChecks).toEqual([{ flavour: "simp", found: "not looked for" }]);
  });
});

describe("names that are no flavour end the session with a clear message", () => {
  it.each(["", "LUA", "lua ", "../../build/userboot_lua", "http://example.org/x.wasm", "__proto__", "\xff\x1b[2J"])(
    "%j",
    (name) => {
      const result = run(guest(marked(name)));
      expect(result.error).toEqual({
        name: "InterpreterError",
        message: `guest wants interpreter ${JSON.stringify(name)}; available: 4th, lua, simp`,
      });
      expect(result.swapRequests.map((request) => request.name)).toEqual([name]);
      expect(result.swaps).toEqual([]);
    },
  );

  it("a megabyte long", () => {
    const result = run(guest(marked("l".repeat(1 << 20))));
    expect(result.error?.message).toBe(`guest wants interpreter "${"l".repeat(64)}..."; available: 4th, lua, simp`);
    expect(result.swapRequests[0]?.name.length).toBeLessThanOrEqual(65_536);
  });
});

describe("asking for ever", () => {
  const asks = (name: string) =>
    standIn(
      `${[...name].map((c, i) => `store<u8>(block + ${i}, ${c.charCodeAt(0)});`).join(" ")} swap(block, ${name.length});`,
    );

  it("back and forth ends at the limit of swaps", async () => {
    const disks = [guest(marked("lua"))];
    const result = runStandIns({ simp: core, lua: await asks("simp") }, { start: "simp", disks });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "swaps", allowed: 4, used: 5 });
    expect(result.swaps).toEqual(["lua", "simp", "lua", "simp"]);
    expect(result.interpreterChecks).toHaveLength(5);
  });

  it("with a mark that changes between reads ends as well", async () => {
    const disks = ["lua", "4th"].map((name) => guest(marked(name)));
    let reads = 0;
    const moody: Disk = {
      sectorSize: 512,
      size: disks[0]!.size,
      read: (offset, target) => disks[Math.floor(reads++ / 7) % 2]!.read(offset, target),
    };
    const modules = { simp: core, lua: await asks("simp"), "4th": await asks("simp") };
    const result = runStandIns(modules, { start: "simp", disks: [moody] });
    expect(["LimitError", "InterpreterError", "InputEndedError"]).toContain(result.error?.name);
  });

  it("one flavour asking for itself ends too", async () => {
    const result = runStandIns({ lua: await asks("lua") });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "swaps" });
  });
});

it("a forced interpreter that the guest doesn't want ends the session, naming both", () => {
  const result = run(guest(marked("lua")), { start: undefined, loader: "simp" });
  expect(result.error).toEqual({
    name: "InterpreterError",
    message: 'guest wants interpreter "lua"; "simp" was forced',
  });
});

it("the environment of the caller is applied again, not what the first pass left", async () => {
  // The second pass asks the host for the first entry and prints it.
  const lua = await standIn("const n = getenv(0, block, 100); write(block, n); exit(1);");
  const result = runStandIns(
    { simp: core, lua },
    { start: "simp", env: ["currdev=disk9:", "x=y"], disks: [guest(marked("lua"))] },
  );
  expect(result.text.endsWith("currdev=disk9:")).toBe(true);
});

describe("between the real flavours", () => {
  const FLAVOURS = ["4th", "lua", "simp"] as const;
  const built = FLAVOURS.filter((flavour) => existsSync(`build/userboot_${flavour}.wasm`));
  if (built.length < 3)
    console.warn(`SKIPPED until all flavours are built (there: ${built}): swaps between the others`);
  const pairs = built.flatMap((start) => built.map((wanted) => [start, wanted] as const));

  it.each(pairs)("started with %s, the guest wants %s", async (start, wanted) => {
    const disk = guest(marked(wanted));
    const bytes = new Uint8Array(disk.size);
    disk.read(0, bytes);
    for (const worker of [true, false]) {
      const env = ["autoboot_delay=NO", "mine=kept"];
      const console = new KeysConsole(["show mine\r"]);
      const result = await boot({ disks: [bytes], start, env, console, clock: "virtual", worker });
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
      const forced = await boot({ disks: [bytes], loader: start, env, clock: "virtual", worker });
      const error = swaps.length > 0 ? { name: "InterpreterError", message: forcedMessage(wanted, start) } : {};
      expect(forced.error).toMatchObject(error);
    }
  });

  const forcedMessage = (wanted: string, forced: string) =>
    `guest wants interpreter "${wanted}"; "${forced}" was forced`;
});
