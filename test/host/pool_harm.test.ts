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

describe("a thread that somebody else ends", () => {
  const workers: Worker[] = [];
  const listening = () => heard<{ worker: Worker }>("worker_threads", ({ worker }) => void workers.push(worker));

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
