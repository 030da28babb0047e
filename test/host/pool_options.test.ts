// What a pool is asked for: defaults, and bounds with one more.

import { availableParallelism, totalmem } from "node:os";
import {
  type BootOptions,
  OptionError,
  type PoolBootOptions,
  type PoolOptions,
  type VirtualClock,
} from "userboot-wasm";
import { expect, it, vi } from "vitest";
import { closeOptions, pooledBoot, poolOptions } from "../../build/host/pool/options.js";

const MIB = 2 ** 20;
const CPUS = availableParallelism();
const DEFAULTS = {
  ...{ isolation: "thread", reuse: "never", loader: "lua", size: CPUS, maxQueue: 1000, spare: CPUS, name: "userboot" },
  limits: { guestMemory: Math.floor(totalmem() / 2), bootMemory: 256 * MIB, tenantRunning: CPUS },
};

it("defaults are those of the documentation", () => {
  expect(poolOptions({})).toEqual(DEFAULTS);
  expect(Object.keys(poolOptions({}))).not.toContain("meter");
});

it("what is given is taken", () => {
  const meter = { createCounter() {}, createHistogram() {}, createObservableGauge() {} } as never;
  const given: PoolOptions = {
    ...({ isolation: "process", confine: "none", reuse: "tenant", loader: "4th" } as const),
    ...{ size: 3, maxQueue: 0, spare: 0, name: "mine", meter },
    limits: { guestMemory: 1, bootMemory: 2, tenantRunning: 3, tenantQueued: 0 },
  };
  expect(poolOptions(given)).toEqual(given);
  // As many spares, and places of a tenant's, as places.
  expect(poolOptions({ size: 7 })).toMatchObject({ size: 7, spare: 7, limits: { tenantRunning: 7 } });
});

const MOST = Number.MAX_SAFE_INTEGER;

it.each<[string, (value: number) => PoolOptions, number, number]>([
  ["size", (size) => ({ size }), 1, 4096],
  ["spare", (spare) => ({ spare }), 0, 4096],
  ["maxQueue", (maxQueue) => ({ maxQueue }), 0, MOST],
  ["limits.guestMemory", (guestMemory) => ({ limits: { guestMemory } }), 1, MOST],
  ["limits.bootMemory", (bootMemory) => ({ limits: { bootMemory } }), 1, MOST],
  ["limits.tenantRunning", (tenantRunning) => ({ limits: { tenantRunning } }), 1, MOST],
  ["limits.tenantQueued", (tenantQueued) => ({ limits: { tenantQueued } }), 0, MOST],
])("%s has its bounds", (name, options, least, most) => {
  for (const right of [least, most]) expect(() => poolOptions(options(right))).not.toThrow();
  for (const wrong of [least - 1, most + 1, least + 0.5, Number.NaN])
    expect(() => poolOptions(options(wrong))).toThrow(
      new OptionError(`${name} must be a whole number from ${least} to ${most}, not ${wrong}`),
    );
});

it.each<[object, string]>([
  [{ isolation: "none" }, 'unknown isolation "none" (there are process, thread)'],
  [{ reuse: "always" }, 'unknown reuse "always" (there are never, tenant)'],
  [{ loader: "perl" }, 'unknown interpreter "perl"'],
  [{ isolation: "process", confine: "jail" }, 'unknown confine "jail" (there are auto, none, bwrap)'],
  [{ confine: "none" }, '"confine" goes with the isolation "process", not "thread"'],
])("%j is refused", (options, message) => {
  expect(() => poolOptions(options as PoolOptions)).toThrow(new OptionError(message));
});

it("a boot is one of the pool's, of the tenant without a name unless told", () => {
  const thread = poolOptions({});
  const onGone = vi.fn();
  const boot = (given: PoolBootOptions, options = thread) => pooledBoot(given, options);
  expect(boot({ memory: 16 * MIB })).toMatchObject({
    ...{ tenant: "", memory: 16 * MIB },
    options: { memory: 16 * MIB, isolation: "thread" } satisfies BootOptions,
  });
  expect(boot({})).not.toHaveProperty("options.confine");
  expect(boot({ tenant: "a", onGone })).toMatchObject({ tenant: "a", onGone });
  boot({}).onGone();
  const confined = poolOptions({ isolation: "process", confine: "none" });
  expect(boot({}, confined).options).toEqual({ isolation: "process", confine: "none" });
  // What a loader can reach.
  expect(boot({ memory: 64 * 1024 * MIB }).memory).toBeLessThan(4 * 1024 * MIB);
  const clock = { now: () => 0, sleep() {} } as unknown as VirtualClock;
  expect(() => boot({ clock })).toThrow(new OptionError("a clock object can't go to a pool"));
  expect(() => boot({ isolation: "none" } as PoolBootOptions)).toThrow(OptionError);
});

it("closing takes a signal", () => {
  const { signal } = new AbortController();
  expect(closeOptions({ signal })).toEqual({ signal });
  expect(() => closeOptions({ signal: 1 } as never)).toThrow(OptionError);
});
