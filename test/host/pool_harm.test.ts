// What harms a pool from outside: callbacks that throw or come back in the middle, one tenant with all the boots, threads that
// somebody else ends. Places, memory and boots of others are as they would be without.

import { type ChannelListener, subscribe, unsubscribe } from "node:diagnostics_channel";
import type { Worker } from "node:worker_threads";
import {
  type BootResult,
  createPool,
  OptionError,
  type Pool,
  type PoolBootOptions,
  PoolError,
  type PoolEvent,
  type PoolMeter,
} from "userboot-wasm";
import { describe, expect, it, vi } from "vitest";
import { guestImage } from "../support/guests.js";

const image = guestImage("amd64-ufs2-gpt");
/** A boot of the project's guest, which enters its kernel. */
const enters = (more: PoolBootOptions = {}): PoolBootOptions => ({
  disks: [image],
  start: "simp",
  clock: "virtual",
  memory: 64 * 2 ** 20,
  ...more,
});
/** The same, after some seconds. */
const slowly = (tenant: string, signal?: AbortSignal) =>
  enters({ clock: "real", tenant, ...(signal !== undefined && { signal }) });
const reason = async (result: Promise<BootResult>) => (await result).reason;
const isIdle = (pool: Pool) =>
  vi.waitFor(() => expect(pool.stats()).toMatchObject({ queued: 0, running: 0, ending: 0, guestMemory: 0 }));

/** What throws that. */
const fails = (thrown: unknown) => () => {
  throw thrown;
};

/** What comes on a channel until it is disposed of. */
function heard<T>(name: string, hear: (event: T) => void): Disposable {
  const listener: ChannelListener = (event) => hear(event as T);
  subscribe(name, listener);
  return { [Symbol.dispose]: () => void unsubscribe(name, listener) };
}

it("an onGone that throws is told of, wherever its boot ended, and takes no place away", async () => {
  const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  const onGone = () => {
    throw new Error("no more");
  };
  await using pool = createPool({ size: 1, spare: 0, loader: "simp", maxQueue: 1, name: "mine" });
  const controller = new AbortController();
  const first = pool.boot(enters({ onGone }));
  const second = pool.boot(enters({ onGone, signal: controller.signal }));
  const aborted = second.catch((error: Error) => error.name);
  await expect(pool.boot(enters({ onGone }))).rejects.toThrow(PoolError);
  controller.abort();
  expect(await aborted).toBe("AbortedError");
  expect(await reason(first)).toBe("exec");
  await isIdle(pool);
  expect(await reason(pool.boot(enters()))).toBe("exec");
  expect(warned.mock.calls).toEqual(Array(3).fill(["onGone of a boot of pool mine failed: no more"]));
  warned.mockRestore();
});

it("who asks for a boot when another one is done gets its place when it is free", async () => {
  await using pool = createPool({ size: 1, spare: 0, loader: "simp" });
  const next: Promise<BootResult>[] = [];
  const levels: { running: number; ending: number; queued: number }[] = [];
  using _heard = heard<PoolEvent>("userboot-wasm:pool", ({ event }) => {
    if (event !== "done" || next.length > 0) return;
    next.push(pool.boot(enters({ tenant: "b" })));
    levels.push(pool.stats());
  });
  expect(await reason(pool.boot(enters()))).toBe("exec");
  expect(levels).toEqual([expect.objectContaining({ running: 0, ending: 1, queued: 1 })]);
  expect(await reason(next[0]!)).toBe("exec");
});

it("what has no text can be thrown everywhere, and takes no place away", async () => {
  const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
  for (const thrown of [Object.create(null), Symbol("no"), Object.defineProperty({}, "message", { get: fails(1) })]) {
    const meter: PoolMeter = {
      createCounter: () => ({ add: fails(thrown) }),
      createHistogram: () => ({ record() {} }),
      createObservableGauge: () => ({ addCallback() {}, removeCallback() {} }),
    };
    await using pool = createPool({ size: 1, spare: 0, loader: "simp", meter });
    const console = { write() {}, connect: fails(thrown) };
    await expect(pool.boot(enters({ console }))).rejects.toBe(thrown);
    expect(await reason(pool.boot(enters({ onGone: fails(thrown) })))).toBe("exec");
    await isIdle(pool);
    expect(pool.stats().done).toMatchObject({ rejected: 1, exec: 1 });
  }
  expect(warned).toHaveBeenCalledTimes(3 * 3);
  warned.mockRestore();
});

it("who is told that a boot has gone may boot in its place", async () => {
  await using pool = createPool({ size: 1, spare: 0, loader: "simp", maxQueue: 0 });
  const next = new Promise<BootResult>((resolve) => {
    void pool.boot(enters({ onGone: () => resolve(pool.boot(enters())) }));
  });
  expect(await reason(next)).toBe("exec");
});

it("who hears that a pool is closing may close it, too, and boots no more", async () => {
  const pool = createPool({ size: 1, spare: 0, loader: "simp" });
  const events: string[] = [];
  const inside: Promise<unknown>[] = [];
  using _heard = heard<PoolEvent>("userboot-wasm:pool", ({ event }) => {
    if (event.startsWith("clos")) events.push(event);
    if (event !== "closing" || inside.length > 0) return;
    inside.push(pool.boot(enters()).catch((error: PoolError) => error.refused));
    inside.push(pool.close().then(() => "closed"));
  });
  const boot = pool.boot(enters());
  await pool.close();
  expect(await reason(boot)).toBe("exec");
  expect(await Promise.all(inside)).toEqual(["closed", "closed"]);
  expect(events).toEqual(["closing", "closed"]);
});

it("a pool that is closing starts no threads for boots that can't come", async () => {
  const pool = createPool({ size: 1, spare: 1, loader: "simp" });
  await vi.waitFor(() => expect(pool.stats().spares).toBe(1), 20_000);
  const boot = pool.boot(enters());
  await pool.close();
  expect(await reason(boot)).toBe("exec");
  expect(pool.stats().cells.started).toBe(1);
});

describe("one tenant with all the boots", () => {
  it("leaves half of the queue to others, unless it is told how much is its", async () => {
    const controller = new AbortController();
    await using pool = createPool({ size: 1, spare: 0, loader: "simp", maxQueue: 8 });
    const outcomes = async (tenant: string, count: number) => {
      const boots = Array.from({ length: count }, () => pool.boot(slowly(tenant, controller.signal)));
      const refused = await Promise.all(
        boots.map((boot) =>
          Promise.race([boot, Promise.resolve()]).then(
            () => "taken",
            (error: PoolError) => error.refused,
          ),
        ),
      );
      for (const boot of boots) boot.catch(() => {});
      return refused.map((one) => one ?? "taken").filter((one) => one !== "taken");
    };
    // One runs and four wait.
    expect(await outcomes("many", 12)).toEqual(Array(7).fill("tenant"));
    expect(await outcomes("few", 2)).toEqual([]);
    // What is left is somebody else's.
    expect(await outcomes("few", 1)).toEqual(["tenant"]);
    // Who has no name is nobody's neighbour.
    expect(await outcomes("", 3)).toEqual(["queue"]);
    controller.abort();
    await isIdle(pool);
  });

  it("has as many as it was told", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    await using pool = createPool({ size: 1, spare: 0, loader: "simp", maxQueue: 4, limits: { tenantQueued: 4 } });
    const boots = Array.from({ length: 5 }, () => pool.boot(slowly("a", signal)).catch(() => {}));
    await expect(pool.boot(slowly("a", signal))).rejects.toMatchObject({ refused: "queue" });
    controller.abort();
    await Promise.all(boots);
    expect(() => createPool({ limits: { tenantQueued: -1 } })).toThrow(OptionError);
  });
});

const workers: Worker[] = [];
const listening = () => heard<{ worker: Worker }>("worker_threads", ({ worker }) => void workers.push(worker));

it("a console that can't be left keeps no thread", async () => {
  using _heard = listening();
  await using pool = createPool({ size: 1, spare: 0, loader: "simp" });
  const thrown = new Error("it stays");
  const console = { write() {}, connect: () => fails(thrown) };
  // It would wait for keys for ever.
  await expect(pool.boot({ console, waitCounts: true, limits: { wallMs: 100 } })).rejects.toBe(thrown);
  await isIdle(pool);
  // So it is told of threads that are gone.
  expect(workers.at(-1)!.threadId).toBe(-1);
});

describe("a thread that somebody else ends", () => {
  it("before it is wanted is replaced; whoever had got it boots all the same", async () => {
    using _heard = listening();
    await using pool = createPool({ size: 1, spare: 1, loader: "simp" });
    const ready = () => vi.waitFor(() => expect(pool.stats()).toMatchObject({ spares: 1 }), 20_000);
    await ready();
    await workers.at(-1)!.terminate();
    await vi.waitFor(() => expect(pool.stats().cells.failed).toBe(1));
    await ready();
    // The pool hears of its end when it has given it away.
    void workers.at(-1)!.terminate();
    expect(await reason(pool.boot(enters()))).toBe("exec");
    await isIdle(pool);
  });

  it("while it boots is an error of its boot's", async () => {
    using _heard = listening();
    await using pool = createPool({ size: 1, spare: 0, loader: "simp" });
    let wrote = () => {};
    const began = new Promise<void>((resolve) => {
      wrote = resolve;
    });
    const boot = pool.boot({ ...slowly("a"), console: { write: wrote } });
    await began;
    void workers.at(-1)!.terminate();
    expect(await boot).toMatchObject({ reason: "error", error: { name: "IsolationError" } });
    await isIdle(pool);
    expect(await reason(pool.boot(enters()))).toBe("exec");
  });
});
