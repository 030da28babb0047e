// Sessions in a thread or a process: the same results as in the calling thread, ended from outside, nothing left behind.

import {
  AbortedError,
  type BootOptions,
  BytesDisk,
  boot,
  type Console,
  type KeyInput,
  KeysConsole,
  VirtualClock,
} from "userboot-wasm";
import { describe, expect, it, vi } from "vitest";
import { guestImage } from "../support/guests.js";
import { MEASURED } from "../support/measured.js";
import { openFiles } from "../support/resources.js";
import { Scratch } from "../support/scratch.js";
import { type Elsewhere, runElsewhere, standInBytes } from "../support/stand_ins.js";

const PROMPT = { start: "simp", interfaceVersion: 4, clock: "virtual" } as const;
const image = guestImage("amd64-ufs2-gpt");

describe.each(["thread", "process"] as const)("a session in a %s", (isolation) => {
  /** Runs a stand-in for the core. */
  const inside = async (body: string, options: BootOptions = {}) =>
    runElsewhere(isolation, await standInBytes(body), options);

  it("gives what a session in the calling thread gives", async () => {
    const run = async (level: Elsewhere | "none") => {
      // The first key ends the guest's countdown.
      const console = new KeysConsole([" show\r", { waitS: 2 }, "ls /boot\rquit\r"]);
      const result = await boot({ ...PROMPT, disks: [image], env: ["a=b"], console, isolation: level });
      return { ...result, timeMs: 0, isolation: 0, text: console.text, consumed: console.consumed };
    };
    const [there, here] = [await run(isolation), await run("none")];
    expect(there).toEqual(here);
    expect(here.text).toContain("a=b");
    expect(here.consumed).toBe(22);
  });

  it("hands guest memory back", async () => {
    const result = await inside("store<u8>(block, 0x5a); copyin(block, 0x123456, 1); exec(0x1000);");
    expect(result.memory).toEqual([{ gpa: "0x123456", length: 1 }]);
    expect([...result.guestMemory.read(0x123455, 3)]).toEqual([0, 0x5a, 0]);
    expect(result.guestMemory.bytes.length).toBe(256 * 1024 * 1024);
  });

  it("opens images by path, with either sector size", async () => {
    using scratch = new Scratch();
    const path = scratch.file("disk.img", image);
    for (const disk of [path, { image: path, sectorSize: 512 } as const]) {
      const console = new KeysConsole(["quit\r"]);
      await boot({ ...PROMPT, disks: [disk], console, isolation });
      expect(console.text).toContain("booted from disk0p2:");
    }
  });

  it("has the trees that it was granted", async () => {
    const console = new KeysConsole([" ls host0:/\rquit\r"]);
    await boot({ ...PROMPT, console, hostTrees: [{ "a-note": Uint8Array.of(1) }], isolation });
    expect(console.text).toContain("a-note");
  });

  it("passes live keys to a waiting guest", async () => {
    let input: KeyInput | undefined;
    let text = "";
    let disconnected = 0;
    const console: Console = {
      write(bytes) {
        text += String.fromCharCode(...bytes);
        if (text.endsWith("OK ")) {
          setTimeout(() => input?.push(Buffer.from(text.includes("hello") ? "quit\r" : "echo hello\r")), 5);
        }
      },
      connect(keys) {
        input = keys;
        return () => disconnected++;
      },
    };
    const result = await boot({ ...PROMPT, clock: "real", console, isolation });
    expect(result).toMatchObject({ reason: "exit", exitCode: 1 });
    expect(text).toContain("\r\nhello\r\n");
    expect(disconnected).toBe(1);
  });

  it("tells how far it is", async () => {
    const told: number[] = [];
    const size = 10 << 20;
    await inside(`diskread_guest(0, 0, 0, ${size}, block); exit(1);`, {
      disks: [new Uint8Array(size)],
      onProgress: ({ fileDone, fileBytes }) => void told.push(fileDone / fileBytes),
    });
    expect(told).toEqual([0.4, 0.8, 1]);
  });

  it("measures nothing that it isn't asked to", async () => {
    const hooks = { onSetenv: () => undefined };
    const { reason, measurements } = await boot({ disks: [image], clock: "virtual", isolation, hooks });
    expect([reason, measurements]).toEqual(["exec", undefined]);
  });

  it("has no key when there is nobody who types", async () => {
    const { exitCode, error } = await inside("exit(poll());");
    expect([exitCode, error]).toEqual([0, undefined]);
  });

  it("ends when live keys end", async () => {
    const console: Console = {
      write() {},
      connect(keys) {
        keys.end();
        return () => {};
      },
    };
    expect((await boot({ ...PROMPT, console, isolation })).error?.name).toBe("InputEndedError");
  });

  it("is ended by its wall limit even when it only computes", MEASURED, async () => {
    const began = performance.now();
    const result = await inside("while (true) store<u8>(block, load<u8>(block) + 1);", { limits: { wallMs: 200 } });
    expect(result.error).toMatchObject({ name: "LimitError", limit: "wallMs", allowed: 200 });
    const found = "not all was looked at: the session had to be stopped from outside";
    expect(result.bootProblem).toEqual([{ kind: "damage", name: "list", found }]);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  it("does not count waiting for a key as wall time, unless asked to", async () => {
    const silent: Console = { write() {}, connect: () => () => {} };
    const waits = "getc(); exit(1);";
    // Enough on a busy machine.
    const limits = { wallMs: 1500 };
    const waiting = inside(waits, { console: silent, limits, signal: AbortSignal.timeout(4000) });
    await expect(waiting).rejects.toThrow(AbortedError);
    const counting = await inside(waits, { console: silent, limits, waitCounts: true });
    expect(counting.error).toMatchObject({ name: "LimitError", limit: "wallMs" });
  });

  it.each(["while (true) store<u8>(block, load<u8>(block) + 1);", "while (true) delay(1);"])(
    "is ended by the caller's signal: %s",
    async (body) => {
      const running = inside(body, { signal: AbortSignal.timeout(100) });
      await expect(running).rejects.toThrow(AbortedError);
    },
  );

  it("is not even started when the signal is aborted already", async () => {
    await expect(boot({ signal: AbortSignal.abort(), isolation })).rejects.toThrow(AbortedError);
  });

  it("reports a trap as the calling thread would", async () => {
    expect((await inside("store<u8>(<usize>0xfffffff0, 1);")).error?.name).toBe("InternalError");
  });

  it("ends when the caller's console fails", async () => {
    const console: Console = {
      write() {
        throw new Error("full");
      },
    };
    expect((await inside("while (true) write(block, 4096);", { console })).error).toMatchObject({
      name: "ConsoleError",
      message: "full",
    });
  });

  it("leaves no thread, process, file or listener behind", async () => {
    using scratch = new Scratch();
    const path = scratch.file("disk.img", image);
    const once = async (i: number) => {
      const controller = new AbortController();
      const running = boot({
        ...PROMPT,
        disks: [path],
        console: new KeysConsole(i % 2 ? ["quit\r"] : []),
        signal: controller.signal,
        isolation,
      });
      if (i % 5 === 0) setTimeout(() => controller.abort(), 20);
      await running.catch((error) => expect(error).toBeInstanceOf(AbortedError));
    };
    for (let i = 0; i < 5; i++) await once(i);
    globalThis.gc?.();
    const files = openFiles();
    const resident = process.memoryUsage().rss;
    for (let i = 0; i < 40; i++) await once(i);
    expect(openFiles()).toBeLessThanOrEqual(files + 1);
    const left = () => process.getActiveResourcesInfo().filter((name) => /Worker|Process/.test(name));
    await vi.waitFor(() => expect(left()).toEqual([]));
    expect(process.memoryUsage().rss - resident).toBeLessThan(150 * 1024 * 1024);
  });
});

describe.each(["thread", "process"] as const)("what a %s can't have is refused", (isolation) => {
  it.each([
    [{ clock: new VirtualClock() }, /clock object needs the isolation "none"/],
    [{ console: { write() {}, poll: () => false, getc: () => 1 } }, /needs `connect`/],
  ])("%#", async (options, message) => {
    await expect(boot({ ...options, isolation })).rejects.toThrow(message);
  });

  it("but a disk of bytes is just its bytes", async () => {
    const console = new KeysConsole(["quit\r"]);
    await boot({ ...PROMPT, disks: [new BytesDisk(image)], console, isolation });
    expect(console.text).toContain("booted from disk0p2:");
  });
});

it("a result that is too long for a process's message ends its session with a limit of that name", async () => {
  // In JSON each of these bytes takes six.
  const module = await standInBytes(
    `const path = <usize>memory.grow(1) << 16;
     memory.fill(path, 1, 60000);
     for (let i = 0; i < 120; i++, store<u8>(path, i + 1)) file_end(file_begin(block, 1, path, 60000, 0, 0));
     exit(0);`,
  );
  const { reason, error } = await runElsewhere("process", module, { measure: true });
  expect(reason).toBe("error");
  expect(error).toMatchObject({ name: "LimitError", limit: "messageBytes", allowed: 32 * 1024 * 1024 });
  expect(error!.used).toBeGreaterThan(32 * 1024 * 1024);
});
