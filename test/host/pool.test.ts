// Pools: who is taken on and when, what becomes of boots that are aborted or whose cells die, and that nothing is left.

import { spawnSync } from "node:child_process";
import { type ChannelListener, subscribe, unsubscribe } from "node:diagnostics_channel";
import { getEventListeners } from "node:events";
import {
  AbortedError,
  type BootResult,
  type Console,
  createPool,
  type GaugeCallback,
  IsolationError,
  type KeyInput,
  KeysConsole,
  OptionError,
  type Pool,
  type PoolBootOptions,
  PoolError,
  type PoolEvent,
  type PoolMeter,
  type PoolOptions,
} from "userboot-wasm";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { ENDS, keys, LUA } from "../safety/ends.js";
import { guestImage } from "../support/guests.js";
import { inRepository } from "../support/repository.js";
import { children, openFiles, processes, threads } from "../support/resources.js";
import { Scratch } from "../support/scratch.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const path = scratch.file("guest.img", guestImage("amd64-ufs2-gpt"));
const MIB = 2 ** 20;
const linux = process.platform === "linux";

/** A boot of the project's guest, which enters its kernel. */
const enters = (more: PoolBootOptions = {}): PoolBootOptions => ({
  disks: [path],
  start: "simp",
  clock: "virtual",
  memory: 64 * MIB,
  ...more,
});

/** A console whose guest stays at its prompt until it may go on. */
class Held implements Console {
  #keys: KeyInput | undefined;
  #text = "";
  #reached = () => {};
  readonly reached = new Promise<void>((resolve) => {
    this.#reached = resolve;
  });
  write(bytes: Uint8Array): void {
    this.#text += Buffer.from(bytes).toString("latin1");
    if (this.#text.includes("\nOK ")) this.#reached();
  }
  connect(input: KeyInput): () => void {
    this.#keys = input;
    input.push(Buffer.from(" "));
    return () => {};
  }
  go(): void {
    this.#keys!.push(Buffer.from("boot\r"));
  }
}

/** A boot that stays where it is, running. */
async function hold(pool: Pool, more: PoolBootOptions = {}) {
  const console = new Held();
  const result = pool.boot(enters({ console, ...more }));
  await Promise.race([console.reached, result]);
  return { result, go: () => console.go() };
}

const pools: Pool[] = [];
const make = (options: PoolOptions = {}): Pool => {
  const pool = createPool({ size: 2, spare: 1, loader: "simp", ...options });
  pools.push(pool);
  return pool;
};
afterEach(async () => {
  const signal = AbortSignal.abort();
  await Promise.all(pools.splice(0).map((pool) => pool.close({ signal })));
});

const reason = async (result: Promise<BootResult>) => (await result).reason;
/** Every boot that was taken on is somewhere. */
const sum = (counts: Record<string, number>) => Object.values(counts).reduce((all, count) => all + count, 0);

describe.each(["thread", "process"] as const)("a pool of cells: %s", (isolation) => {
  it("boots as boot does, whatever the end, one spare for each", async () => {
    await using pool = make({ isolation });
    for (const [options, end] of Object.values(ENDS)) {
      const result = await pool.boot({ ...enters(), ...options() });
      expect(result.reason === "error" ? result.error.name : result.reason).toBe(end);
      expect(result.isolation.level).toBe(isolation);
      result.release();
    }
    const { done, bootMs, queueMs, cells } = pool.stats();
    expect(sum(done)).toBe(Object.keys(ENDS).length);
    expect(done.exec).toBe(Object.values(ENDS).filter(([, end]) => end === "exec").length);
    expect(bootMs.count).toBe(sum(done));
    expect(queueMs.buckets.at(-1)).toEqual({ le: Number.POSITIVE_INFINITY, count: sum(done) });
    expect(cells).toMatchObject({ failed: 0, reused: 0 });
  });

  it("rejects for what its caller did wrong, and goes on", async () => {
    await using pool = make({ isolation });
    await expect(pool.boot(enters({ disks: [`${path}.absent`] }))).rejects.toThrow(/absent: no such file/);
    await expect(pool.boot({ memory: -1 })).rejects.toThrow(OptionError);
    expect(await reason(pool.boot(enters()))).toBe("exec");
    expect(pool.stats().done).toMatchObject({ rejected: 1, exec: 1 });
  });

  it("reads images in files, in memory and of the caller's own", async () => {
    await using pool = make({ isolation });
    const image = guestImage("i386-ufs1-mbr");
    const own = {
      size: image.length,
      sectorSize: 512,
      read(offset: number, target: Uint8Array) {
        const part = image.subarray(offset, offset + target.length);
        target.set(part);
        return part.length;
      },
    };
    for (const [disk, arch] of [
      [path, "amd64"],
      [image, "i386"],
      [own, "i386"],
    ] as const) {
      expect((await pool.boot(enters({ disks: [disk] }))).arch).toBe(arch);
    }
  });

  it("keeps guests with more memory than spares are made for", async () => {
    await using pool = make({ isolation, limits: { bootMemory: 16 * MIB } });
    for (const memory of [16 * MIB, 64 * MIB, 1024 * MIB])
      expect(await reason(pool.boot(enters({ memory })))).toBe("exec");
  });

  it("a boot that is aborted: before, in the queue, while it runs; its signal has no listener afterwards", async () => {
    await using pool = make({ isolation, size: 1 });
    await expect(pool.boot(enters({ signal: AbortSignal.abort("early") }))).rejects.toThrow("boot aborted (early)");
    const running = new AbortController();
    const waiting = new AbortController();
    const { result } = await hold(pool, { signal: running.signal });
    const queued = pool.boot(enters({ signal: waiting.signal }));
    const next = pool.boot(enters());
    expect(pool.stats()).toMatchObject({ running: 1, queued: 2 });
    waiting.abort("never mind");
    await expect(queued).rejects.toThrow("boot aborted (never mind)");
    running.abort();
    await expect(result).rejects.toThrow(AbortedError);
    expect(await reason(next)).toBe("exec");
    expect(pool.stats().done).toMatchObject({ aborted: 2, exec: 1 });
    for (const { signal } of [running, waiting]) expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("a boot that is aborted while its cell starts", async () => {
    await using pool = make({ isolation, spare: 0 });
    for (const wait of [0, 1, 5, 20]) {
      const controller = new AbortController();
      const result = pool.boot({ ...enters(), ...keys(" ", "while\r"), signal: controller.signal });
      setTimeout(() => controller.abort(), wait);
      await result.then(
        ({ reason }) => expect(reason).toBe("error"),
        (error) => expect(error).toBeInstanceOf(AbortedError),
      );
    }
    expect(await reason(pool.boot(enters()))).toBe("exec");
  });

  it("all guests together may have as much memory as that is", async () => {
    await using pool = make({ isolation, size: 2, limits: { guestMemory: 128 * MIB } });
    expect(await Promise.all([reason(pool.boot(enters())), reason(pool.boot(enters()))])).toEqual(["exec", "exec"]);
    expect(await reason(pool.boot(enters({ memory: 128 * MIB })))).toBe("exec");
    await expect(pool.boot(enters({ memory: 129 * MIB }))).rejects.toMatchObject({ refused: "memory" });
  });

  it("hostile tenants end by their limits, and others boot meanwhile", async () => {
    await using pool = make({ isolation, limits: { tenantRunning: 1 } });
    const endless = () => ({
      ...enters(LUA),
      tenant: "hostile",
      console: new KeysConsole([" ", "while true do end\r"]),
      limits: { wallMs: 300 },
    });
    const hostile = [pool.boot(endless()), pool.boot(endless()), pool.boot(endless())];
    const good = Array.from({ length: 6 }, () => pool.boot(enters({ tenant: "good" })));
    expect(await Promise.all(good.map(reason))).toEqual(new Array(6).fill("exec"));
    for (const result of await Promise.all(hostile)) expect(result).toMatchObject({ error: { limit: "wallMs" } });
  });

  it("a program ends that has nothing more to do, whether its pool was closed or not", () => {
    for (const last of ["", "await pool.close();"]) {
      const program = `import { createPool } from "userboot-wasm";
        const pool = createPool({ isolation: "${isolation}", size: 1, spare: 2, loader: "simp", reuse: "tenant" });
        const options = { disks: [${JSON.stringify(path)}], start: "simp", clock: "virtual" };
        console.log((await pool.boot(options)).reason, (await pool.boot(options)).reason);
        ${last}`;
      const ran = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
        cwd: inRepository(""),
        encoding: "utf8",
        timeout: 50_000,
      });
      expect(ran).toMatchObject({ status: 0, stdout: "exec exec\n", stderr: "" });
    }
  });

  it("a program waits for its pool to close, whatever its spares were doing", () => {
    const program = `import { createPool } from "userboot-wasm";
      for (let ms = 0; ms < 120; ms += 4) {
        const pool = createPool({ isolation: "${isolation}", size: 1, spare: 1, loader: "simp" });
        await new Promise((done) => setTimeout(done, ms));
        await pool.close();
      }
      console.log("closed");`;
    const ran = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      cwd: inRepository(""),
      encoding: "utf8",
      timeout: 50_000,
    });
    expect(ran).toMatchObject({ status: 0, stdout: "closed\n", stderr: "" });
  });

  it("closing waits for all that were taken on, and leaves nothing", async () => {
    const before = { files: openFiles(), threads: threads(), processes: processes() };
    const pool = make({ isolation, size: 1 });
    const { result, go } = await hold(pool);
    const queued = [pool.boot(enters()), pool.boot(enters())];
    const closed = pool.close();
    await expect(pool.boot(enters())).rejects.toMatchObject({ name: "PoolError", refused: "closed" });
    go();
    expect(await Promise.all([result, ...queued].map(reason))).toEqual(["exec", "exec", "exec"]);
    await closed;
    expect(pool.stats()).toMatchObject({ queued: 0, running: 0, ending: 0, spares: 0, starting: 0, guestMemory: 0 });
    expect(pool.stats().refused.closed).toBe(1);
    expect(threads()).toBe(before.threads);
    expect(processes()).toBe(before.processes);
    await vi.waitFor(() => expect(openFiles()).toBeLessThanOrEqual(before.files));
  });

  it("closing with a signal ends what waits and runs, also when it is closing already", async () => {
    const pool = make({ isolation, size: 1 });
    const { result } = await hold(pool);
    const queued = pool.boot(enters());
    const controller = new AbortController();
    const closed = [pool.close(), pool.close({ signal: controller.signal })];
    controller.abort("the end");
    await expect(queued).rejects.toThrow("boot aborted (the end)");
    await expect(result).rejects.toThrow("boot aborted (the end)");
    await Promise.all(closed);
    expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  });

  it("a cell that has served a tenant serves that one again, and no other", async () => {
    const pool = make({ isolation, size: 2, spare: 0, reuse: "tenant" });
    const cells = () => pool.stats().cells;
    const boot = async (tenant: string) => {
      (await pool.boot(enters({ tenant }))).release();
      await vi.waitFor(() => expect(pool.stats().ending).toBe(0));
    };
    await boot("a");
    expect(cells()).toMatchObject({ started: 1, reused: 0 });
    await boot("b");
    expect(cells()).toMatchObject({ started: 2, reused: 0 });
    const there = children();
    await boot("a");
    await boot("b");
    await boot("b");
    expect(cells()).toMatchObject({ started: 2, reused: 3 });
    expect(children()).toEqual(there);
    // Two are kept; the third is at the cost of who was away for longest.
    await boot("c");
    await boot("b");
    expect(cells()).toMatchObject({ started: 3, reused: 4 });
    await boot("a");
    expect(cells()).toMatchObject({ started: 4, reused: 4 });
  });

  it("a cell whose session was ended isn't used again", async () => {
    const pool = make({ isolation, size: 1, spare: 0, reuse: "tenant" });
    const [endless, end] = ENDS["an endless script"]!;
    const stopped = await pool.boot({ ...enters(), ...endless(), limits: { wallMs: 50 } });
    expect(stopped.reason).toBe("error");
    expect(end).toBe("LimitError");
    const controller = new AbortController();
    const { result } = await hold(pool, { signal: controller.signal });
    controller.abort();
    await expect(result).rejects.toThrow(AbortedError);
    expect(await reason(pool.boot(enters()))).toBe("exec");
    expect(pool.stats().cells.reused).toBeLessThan(2);
    expect(pool.stats().cells.started).toBeGreaterThan(1);
  });
});

describe("who is taken on", () => {
  it("as many wait as may, and no more", async () => {
    await using pool = make({ size: 1, maxQueue: 2 });
    const { result, go } = await hold(pool);
    const first = pool.boot(enters());
    const controller = new AbortController();
    const second = pool.boot(enters({ signal: controller.signal }));
    await expect(pool.boot(enters())).rejects.toMatchObject({ name: "PoolError", refused: "queue" });
    controller.abort();
    await expect(second).rejects.toThrow(AbortedError);
    const third = pool.boot(enters());
    await expect(pool.boot(enters())).rejects.toThrow(PoolError);
    go();
    expect(await Promise.all([result, first, third].map(reason))).toEqual(["exec", "exec", "exec"]);
    expect(pool.stats()).toMatchObject({ refused: { queue: 2 }, done: { exec: 3, aborted: 1 } });
  });

  it("without a queue whoever can't start at once is refused", async () => {
    await using pool = make({ size: 1, maxQueue: 0 });
    const { result, go } = await hold(pool);
    await expect(pool.boot(enters())).rejects.toMatchObject({ refused: "queue" });
    go();
    await result;
    await vi.waitFor(() => expect(pool.stats().ending).toBe(0));
    expect(await reason(pool.boot(enters()))).toBe("exec");
  });

  it("whoever may have no more places, and waits, keeps nobody from a place that is free", async () => {
    for (const maxQueue of [0, 1]) {
      const pool = make({ size: 2, maxQueue, limits: { tenantRunning: 1 } });
      const { result, go } = await hold(pool, { tenant: "a" });
      const waiting = maxQueue === 1 ? [pool.boot(enters({ tenant: "a" }))] : [];
      await expect(pool.boot(enters({ tenant: "a" }))).rejects.toMatchObject({ refused: "queue" });
      expect(await reason(pool.boot(enters({ tenant: "b" })))).toBe("exec");
      go();
      expect(new Set(await Promise.all([result, ...waiting].map(reason)))).toEqual(new Set(["exec"]));
    }
  });

  it("of one tenant as many wait as may", async () => {
    await using pool = make({ size: 1, limits: { tenantQueued: 1 } });
    const { result, go } = await hold(pool, { tenant: "a" });
    const waiting = [pool.boot(enters({ tenant: "a" })), pool.boot(enters({ tenant: "b" }))];
    await expect(pool.boot(enters({ tenant: "a" }))).rejects.toMatchObject({ refused: "tenant" });
    go();
    expect(await Promise.all([result, ...waiting].map(reason))).toEqual(["exec", "exec", "exec"]);
  });

  it.each([
    ["has it", false, ["all", "others", "others", "all"]],
    ["goes", true, ["others", "others", "all"]],
  ])("who keeps places free until there is enough memory pays for them when it %s", async (_what, goes, expected) => {
    await using pool = make({ size: 2, limits: { guestMemory: 128 * MIB } });
    const order: string[] = [];
    const began = performance.now();
    const first = await hold(pool, { tenant: "others" });
    const waits = 2 * (performance.now() - began) + 500;
    const boot = async (tenant: string, memory: number, more: PoolBootOptions = {}) => {
      const result = await pool.boot(enters({ tenant, memory, ...more }));
      order.push(tenant);
      result.release();
    };
    const controller = new AbortController();
    const all = [boot("all", 128 * MIB, { signal: controller.signal }), boot("all", 128 * MIB)];
    const others = Array.from({ length: 2 }, () => boot("others", 64 * MIB));
    await new Promise((resolve) => setTimeout(resolve, waits));
    if (goes) controller.abort();
    first.go();
    await Promise.allSettled([first.result, ...all, ...others]);
    expect(order).toEqual(expected);
  });

  it("who needs memory that its own boots have keeps no places free until they end", async () => {
    await using pool = make({ size: 3, spare: 0, limits: { guestMemory: 192 * MIB } });
    let passed = 0;
    const now = performance.now.bind(performance);
    using _ = vi.spyOn(performance, "now").mockImplementation(() => now() + passed);
    const long = await hold(pool, { tenant: "a" });
    // Others have had more.
    const before = [await hold(pool, { tenant: "b" }), await hold(pool, { tenant: "b" })];
    passed += 1000;
    const large = pool.boot(enters({ tenant: "a", memory: 192 * MIB }));
    for (const { go } of before) go();
    await vi.waitFor(() => expect(pool.stats()).toMatchObject({ running: 1, ending: 0, queued: 1 }));
    expect(await reason(pool.boot(enters({ tenant: "b" })))).toBe("exec");
    expect(pool.stats()).toMatchObject({ running: 1, queued: 1 });
    long.go();
    expect(await Promise.all([long.result, large].map(reason))).toEqual(["exec", "exec"]);
  });

  it("guests run together whose memory fits", async () => {
    await using pool = make({ size: 3, limits: { guestMemory: 200 * MIB } });
    await expect(pool.boot(enters({ memory: 201 * MIB }))).rejects.toMatchObject({ refused: "memory" });
    const first = await hold(pool, { memory: 100 * MIB });
    const second = pool.boot(enters({ memory: 150 * MIB }));
    // It would fit, but whoever came before has the memory kept.
    const third = pool.boot(enters({ memory: 50 * MIB }));
    expect(pool.stats()).toMatchObject({ running: 1, queued: 2, guestMemory: 100 * MIB });
    first.go();
    expect(await Promise.all([first.result, second, third].map(reason))).toEqual(["exec", "exec", "exec"]);
  });

  it("tenants take turns: who asks for one isn't behind another's ten", async () => {
    const started: string[] = [];
    const listener: ChannelListener = (event) => {
      const { event: what, tenant } = event as PoolEvent;
      if (what === "started") started.push(tenant!);
    };
    await using pool = make({ size: 1 });
    const { result, go } = await hold(pool, { tenant: "z" });
    subscribe("userboot-wasm:pool", listener);
    const many = Array.from({ length: 10 }, () => pool.boot(enters({ tenant: "many" })));
    const one = ["b", "c"].map((tenant) => pool.boot(enters({ tenant })));
    go();
    await Promise.all([result, ...many, ...one]);
    unsubscribe("userboot-wasm:pool", listener);
    expect(started.slice(0, 3)).toEqual(["many", "b", "c"]);
    expect(started).toHaveLength(12);
  });

  it("of one tenant as many run as may", async () => {
    await using pool = make({ size: 2, limits: { tenantRunning: 1 } });
    const first = await hold(pool, { tenant: "a" });
    const second = pool.boot(enters({ tenant: "a" }));
    expect(await reason(pool.boot(enters({ tenant: "b" })))).toBe("exec");
    expect(pool.stats()).toMatchObject({ running: 1, queued: 1 });
    first.go();
    expect(await Promise.all([first.result, second].map(reason))).toEqual(["exec", "exec"]);
  });

  it.each<[string, PoolOptions | PoolBootOptions, RegExp]>([
    ["isolation", { isolation: "none" as "thread" }, /unknown isolation "none" \(there are process, thread\)/],
    ["size", { size: 0 }, /size must be a whole number from 1 to 4096, not 0/],
    ["spare", { spare: 1.5 }, /spare must be a whole number/],
    ["a limit", { limits: { guestMemory: -1 } }, /limits.guestMemory must be a whole number/],
    ["a limit's name", { limits: { memory: 1 } as object }, /unknown option "memory" of limits/],
    ["confine of threads", { confine: "none" }, /"confine" goes with the isolation "process"/],
    ["a meter", { meter: {} as PoolMeter }, /meter must be a meter, with createCounter/],
    ["reuse", { reuse: "always" as "never" }, /unknown reuse "always"/],
    ["a name", { sizes: 1 } as object, /unknown option "sizes" of createPool/],
  ])("its options are looked at: %s", (_, options, message) => {
    expect(() => createPool(options as PoolOptions)).toThrow(OptionError);
    expect(() => createPool(options as PoolOptions)).toThrow(message);
  });

  it("a boot's isolation is the pool's", async () => {
    await using pool = make();
    for (const more of [{ isolation: "none" }, { assets: {} }, { confine: "none" }]) {
      await expect(pool.boot({ ...enters(), ...more } as PoolBootOptions)).rejects.toThrow(/unknown option/);
    }
    await expect(pool.boot(enters({ clock: { now: () => 0, sleep() {} } as never }))).rejects.toThrow(OptionError);
    expect(pool.stats()).toMatchObject({ queued: 0, running: 0 });
  });
});

if (!linux) console.warn("SKIPPED, no /proc: processes of a pool that are killed");

describe.runIf(linux)("processes that are killed", () => {
  const ready = (pool: Pool, spares = 1) => vi.waitFor(() => expect(pool.stats()).toMatchObject({ spares }), 20_000);

  it("a spare: another one takes its place, and whoever had got it boots all the same", async () => {
    await using pool = make({ isolation: "process", confine: "none" });
    await ready(pool);
    const [spare] = children()!;
    process.kill(spare!, "SIGKILL");
    expect(await reason(pool.boot(enters()))).toBe("exec");
    await ready(pool);
    process.kill(children()![0]!, "SIGKILL");
    await vi.waitFor(() => expect(pool.stats().cells.failed).toBeGreaterThan(0));
    await ready(pool);
    expect(await reason(pool.boot(enters()))).toBe("exec");
  });

  it("one that runs: its boot ends with an error, and others go on", async () => {
    await using pool = make({ isolation: "process", confine: "none", spare: 0 });
    const { result } = await hold(pool);
    process.kill(children()![0]!, "SIGKILL");
    expect(await result).toMatchObject({ reason: "error", error: { name: "IsolationError" } });
    expect(await reason(pool.boot(enters()))).toBe("exec");
    expect(pool.stats().done).toMatchObject({ error: 1, exec: 1 });
  });

  it("one that was kept for its tenant", async () => {
    await using pool = make({ isolation: "process", confine: "none", spare: 0, reuse: "tenant" });
    await pool.boot(enters());
    await vi.waitFor(() => expect(pool.stats().ending).toBe(0));
    process.kill(children()![0]!, "SIGKILL");
    expect(await reason(pool.boot(enters()))).toBe("exec");
  });

  it("none for the time that the boots before took: whoever has been there for long is replaced", async () => {
    await using pool = make({ isolation: "process", confine: "none", size: 1, spare: 0, reuse: "tenant" });
    const boot = async () => {
      expect(await reason(pool.boot(enters()))).toBe("exec");
      await vi.waitFor(() => expect(pool.stats().ending).toBe(0));
      return children()![0]!;
    };
    const before = await boot();
    expect(await boot()).toBe(before);
    const { result, go } = await hold(pool);
    // It may have used as much as the system gives one: time goes by while it waits for a key.
    const now = performance.now.bind(performance);
    using _ = vi.spyOn(performance, "now").mockImplementation(() => now() + 1_000_000);
    go();
    expect(await reason(result)).toBe("exec");
    const after = await boot();
    expect(after).not.toBe(before);
    expect(await boot()).toBe(after);
  });

  it("where none can be started boots are refused, nothing is tried over and over, and all is well afterwards", async () => {
    const { execPath } = process;
    process.execPath = "/nonexistent/node";
    try {
      await using pool = make({ isolation: "process", confine: "none", spare: 2 });
      await expect(pool.boot(enters())).rejects.toThrow(IsolationError);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      // With pauses that double there are six, or fewer on a slow machine.
      expect(pool.stats().cells.failed).toBeLessThan(20);
      process.execPath = execPath;
      expect(await reason(pool.boot(enters()))).toBe("exec");
    } finally {
      process.execPath = execPath;
    }
  });
});

describe("what it tells", () => {
  it("events and a meter's figures are those of its stats", async () => {
    const events: PoolEvent[] = [];
    const listener: ChannelListener = (event) => void events.push(event as PoolEvent);
    subscribe("userboot-wasm:pool", listener);
    const counted = new Map<string, number>();
    const gauges = new Map<string, Set<GaugeCallback>>();
    const add = (name: string, value: number) => void counted.set(name, (counted.get(name) ?? 0) + value);
    const meter: PoolMeter = {
      createCounter: (name) => ({
        add: (value, attributes) => add(`${name} ${attributes?.outcome ?? attributes?.reason}`, value),
      }),
      createHistogram: (name) => ({ record: () => add(name, 1) }),
      createObservableGauge(name) {
        const callbacks = new Set<GaugeCallback>();
        gauges.set(name, callbacks);
        return {
          addCallback: (callback) => void callbacks.add(callback),
          removeCallback: (callback) => void callbacks.delete(callback),
        };
      },
    };
    const pool = make({ size: 1, maxQueue: 1, meter, name: "mine" });
    const controller = new AbortController();
    const { result, go } = await hold(pool, { tenant: "a" });
    const queued = pool.boot(enters({ tenant: "b", signal: controller.signal }));
    await expect(pool.boot(enters({ tenant: "c" }))).rejects.toThrow(PoolError);
    const observed: number[] = [];
    for (const callback of gauges.get("userboot.pool.queued")!)
      callback({ observe: (value) => void observed.push(value) });
    expect(observed).toEqual([1]);
    controller.abort();
    await expect(queued).rejects.toThrow(AbortedError);
    go();
    await result;
    await pool.close();
    unsubscribe("userboot-wasm:pool", listener);
    expect(Object.fromEntries(counted)).toEqual({
      "userboot.pool.boots exec": 1,
      "userboot.pool.boots aborted": 1,
      "userboot.pool.refusals queue": 1,
      "userboot.pool.wait": 1,
      "userboot.pool.duration": 1,
    });
    expect([...gauges.values()].every(({ size }) => size === 0)).toBe(true);
    expect(events.every((event) => event.pool === "mine")).toBe(true);
    expect(
      events.map(({ event, tenant, outcome, refused }) => [event, tenant, outcome ?? refused].join(" ").trim()),
    ).toEqual([
      "queued a",
      "started a",
      "queued b",
      "refused c queue",
      "done b aborted",
      "done a exec",
      "closing",
      "closed",
    ]);
    const [done, aborted] = ["exec", "aborted"].map((end) => events.find(({ outcome }) => outcome === end)!);
    expect(done).toEqual({ pool: "mine", event: "done", tenant: "a", outcome: "exec", ms: expect.any(Number) });
    expect(aborted).toEqual({
      ...{ pool: "mine", event: "done", tenant: "b", outcome: "aborted" },
      error: expect.any(String),
    });
  });

  it("a meter that fails is told of, and boots go on", async () => {
    const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    const fails = () => {
      throw new Error("no room");
    };
    const meter: PoolMeter = {
      createCounter: () => ({ add: fails }),
      createHistogram: () => ({ record: fails }),
      createObservableGauge: () => ({ addCallback() {}, removeCallback: fails }),
    };
    const pool = make({ meter });
    expect(await reason(pool.boot(enters()))).toBe("exec");
    await pool.close();
    expect(warned).toHaveBeenCalledWith("the meter of pool userboot failed: no room");
    warned.mockRestore();
  });
});
