// What the guest printed before something ended it reaches the console, whatever it was.

import {
  AbortedError,
  type BootOptions,
  BufferConsole,
  boot,
  type Disk,
  DiskError,
  type Flavour,
  KeysConsole,
} from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { FLAVOURS } from "../support/flavours.js";
import { bytesOf } from "../support/sparse_disk.js";
import { runStandIns, standIn } from "../support/stand_ins.js";
import { ufsDisk } from "../support/ufs_image.js";

const SCRIPTS: Readonly<Record<Flavour, { path: string; hello: string; forever: string }>> = {
  simp: { path: "/boot/loader.rc", hello: "@echo hello", forever: "include /boot/loader.rc" },
  "4th": { path: "/boot/loader.rc", hello: ".( hello)", forever: ": forever begin again ; forever" },
  lua: { path: "/boot/lua/loader.lua", hello: `printc = 1; print("hello")`, forever: "while true do end" },
};

function image(start: Flavour, ...lines: string[]) {
  const { path, hello } = SCRIPTS[start];
  return ufsDisk({ [path]: [hello, ...lines, ""].join("\n"), "/big": "x".repeat(4 << 20) });
}

async function run(disk: Disk, start: Flavour, options: BootOptions) {
  const console = new BufferConsole();
  const common = { start, interfaceVersion: 4, env: ["autoboot_delay=NO"], isolation: "none" } as const;
  const result = await boot({ ...common, disks: [disk], console, ...options });
  return { result, text: console.text };
}

describe.each(FLAVOURS)("%s", (start) => {
  const { forever } = SCRIPTS[start];
  const read = start === "lua" ? `io.read(io.open("/big"))` : "more /big";

  it("fuel", async () => {
    const more = start === "simp" ? `${"@set a=b\n".repeat(20_000)}` : forever;
    const fuel = start === "simp" ? 60_000 : 5_000_000;
    const { result, text } = await run(image(start, more), start, { limits: { fuel } });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "fuel" });
    // All that there is of the simple interpreter's script is read before its first line runs.
    if (start !== "simp") expect(text).toContain("hello");
  });

  it.skipIf(start === "simp")("wall time", async () => {
    const { result, text } = await run(image(start, forever), start, { limits: { wallMs: 300 } });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "wallMs" });
    expect(text).toContain("hello");
  });

  it("disk bytes", async () => {
    const { result, text } = await run(image(start, read), start, { limits: { diskBytes: 2 << 20 } });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "diskBytes" });
    expect(text).toContain("hello");
  });

  it("a disk that fails for good", async () => {
    const whole = image(start, read);
    let left = 0;
    const failing: Disk = {
      sectorSize: 512,
      size: whole.size,
      read(offset, target) {
        left += target.length;
        if (left > 2 << 20) throw new DiskError("the image", "gone");
        return whole.read(offset, target);
      },
    };
    const { result, text } = await run(failing, start, {});
    expect(result.error?.name).toBe("DiskError");
    expect(text).toContain("hello");
  });

  it("a hook that says no", async () => {
    const set = { simp: "set x=1", "4th": "set x=1", lua: `loader.setenv("x", "1")` }[start];
    const hooks = { onSetenv: (name: string) => (name === "x" ? { deny: "no" } : undefined) };
    const { result, text } = await run(image(start, set), start, { hooks });
    expect(result.error?.name).toBe("PolicyError");
    expect(text).toContain("hello");
  });

  it("console bytes: as many as are allowed", async () => {
    const all = await run(image(start), start, { limits: {} });
    const { result, text } = await run(image(start), start, { limits: { consoleBytes: 100 } });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "consoleBytes" });
    expect(text).toBe(all.text.slice(0, 100));
  });

  it.skipIf(start === "simp")("the worker's end: by its wall time, and by the caller", async () => {
    const bytes = bytesOf(image(start, forever));
    const options = { start, interfaceVersion: 4, env: ["autoboot_delay=NO"], disks: [bytes] } as const;
    const console = new BufferConsole();
    const result = await boot({ ...options, console, limits: { wallMs: 3000 } });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "wallMs" });
    expect(console.text).toContain("hello");
    const aborted = new BufferConsole();
    const signal = AbortSignal.timeout(3000);
    await expect(boot({ ...options, console: aborted, signal })).rejects.toThrow(AbortedError);
    expect(aborted.text).toContain("hello");
  });
});

describe("the module's memory", () => {
  it("lua", async () => {
    const code = `local t = {}; while true do pcall(function() t[#t + 1] = string.rep("x", 1000000) end) end`;
    const { result, text } = await run(image("lua", code), "lua", {});
    expect(result.error).toMatchObject({ name: "LimitError", limit: "moduleMemory" });
    expect(text).toContain("hello");
  });
});

describe("a core that fails", () => {
  const pending = `
    let pending: i32 = 5;
    export function flushOutput(): void { const size = pending; pending = 0; if (size > 0) write(block, size); }
    function deeper(n: i32): i32 { return n + deeper(n + 1) * 2; }
  `;
  const hello = `store<u32>(block, 0x6c6c6568); store<u8>(block + 4, 0x6f);`;

  it.each([
    ["a trap", "exit(1 / (ndisks * 0));", "InternalError"],
    ["the allocator's trap", "unreachable();", "LimitError"],
    ["a stack overflow", "exit(deeper(ndisks));", "InternalError"],
    ["a register that there isn't", "setreg(9, 0);", "RegisterError"],
    ["a fault of its own", "fault(0, block, 5);", "InternalError"],
    ["returning", "", "InternalError"],
  ])("by %s", async (_name, body, error) => {
    const module = await standIn(hello + body, pending);
    const result = await runStandIns({ simp: module }, { start: "simp" });
    expect(result.error?.name).toBe(error);
    expect(result.text).toBe("hello");
  });

  it("a second failure doesn't hide the first", async () => {
    const failing = pending.replace("if (size > 0)", "exit(1 / pending);");
    const module = await standIn(`${hello} setreg(9, 0);`, failing);
    const result = await runStandIns({ simp: module }, { start: "simp" });
    expect(result.error?.name).toBe("RegisterError");
    const console = {
      write() {
        throw new Error("console gone");
      },
    };
    const worse = await runStandIns(
      { simp: await standIn(`${hello} setreg(9, 0);`, pending) },
      { start: "simp", console },
    );
    expect(worse.error?.name).toBe("RegisterError");
  });

  it("the limit of the console holds", async () => {
    const module = await standIn(`${hello} setreg(9, 0);`, pending);
    const result = await runStandIns({ simp: module }, { start: "simp", limits: { consoleBytes: 3 } });
    expect(result.error?.name).toBe("RegisterError");
    expect(result.text).toBe("hel");
  });

  it("nothing is flushed twice", async () => {
    const module = await standIn(`${hello} flushOutput(); exit(1);`, pending);
    expect((await runStandIns({ simp: module }, { start: "simp" })).text).toBe("hello");
  });
});

it("keys still come in order", async () => {
  const console = new KeysConsole(["echo one\r", "quit\r"]);
  const result = await boot({
    disks: [],
    console,
    start: "simp",
    interfaceVersion: 4,
    env: ["autoboot_delay=NO"],
    isolation: "none",
  });
  expect(result.reason).toBe("exit");
  expect(console.text).toContain("one\r\n");
});
