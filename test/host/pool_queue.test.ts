// The order in which a pool takes tenants on: everyone comes, nobody twice, and by the time that boots took.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FairQueue, type Turn } from "../../build/host/pool/queue.js";

const MANY = 1_000_000;
const queue = (most = MANY, slowMost = MANY) => new FairQueue<number>(most, slowMost);

/** What each tenant has got of the time, when `count` are taken one after the other and tenants never lack any. */
function shares(costs: Record<string, number>, count: number): Record<string, number> {
  const line = queue();
  for (const tenant of Object.keys(costs)) line.add(tenant, 0);
  const got = Object.fromEntries(Object.keys(costs).map((tenant) => [tenant, 0]));
  for (let i = 0; i < count; i++) {
    const { tenant } = line.next()!;
    const turn = line.take(tenant);
    line.add(tenant, i);
    line.done(turn, costs[tenant]!);
    got[tenant]! += costs[tenant]!;
  }
  return got;
}

describe("a fair queue", () => {
  it("has everything taken once, each tenant's in order, within the bounds", () => {
    const step = fc.oneof(
      fc.record({ add: fc.constantFrom("a", "b", "c", "d") }),
      fc.record({ remove: fc.nat(30) }),
      fc.record({ done: fc.nat(5), ms: fc.integer({ min: 0, max: 5000 }) }),
      fc.constant({ take: true }),
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 200 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        (steps, most, slow) => {
          const line = queue(most, slow);
          const waiting = new Map<string, number[]>();
          const taken: Turn[] = [];
          let number = 0;
          for (const one of steps) {
            if ("add" in one) {
              line.add(one.add, number);
              waiting.set(one.add, [...(waiting.get(one.add) ?? []), number++]);
            } else if ("remove" in one) {
              for (const [tenant, items] of waiting) {
                expect(line.remove(tenant, one.remove)).toBe(items.includes(one.remove));
                waiting.set(
                  tenant,
                  items.filter((item) => item !== one.remove),
                );
              }
            } else if ("done" in one) {
              const [turn] = taken.splice(one.done, 1);
              if (turn !== undefined) line.done(turn, one.ms);
            } else {
              const next = line.next();
              const running = (tenant: string) => taken.filter((turn) => turn.tenant === tenant).length;
              if (next === undefined) continue;
              expect(next.item).toBe(waiting.get(next.tenant)!.shift());
              expect(running(next.tenant)).toBeLessThan(most);
              taken.push(line.take(next.tenant));
              expect(taken.filter((turn) => turn.slow).length).toBeLessThanOrEqual(slow);
            }
            const left = [...waiting.values()].flat();
            expect(line.length).toBe(left.length);
            expect([...line.items()].sort((a, b) => a - b)).toEqual(left.sort((a, b) => a - b));
          }
          // Whatever happened, all come in the end.
          while (line.length > 0 || taken.length > 0) {
            const next = line.next();
            if (next !== undefined) taken.push(line.take(next.tenant));
            else line.done(taken.shift()!, 1);
          }
          expect(line.tenants).toBe(0);
        },
      ),
    );
  });

  it("gives each the same time, whatever its boots take", () => {
    const costs = { quick: 20, slow: 400, other: 55 };
    const got = Object.values(shares(costs, 5000));
    expect(Math.max(...got) - Math.min(...got)).toBeLessThan(3 * 400);
  });

  it("has no claims saved up for who was away, nor for a name that is new", () => {
    const line = queue();
    line.add("a", 0);
    for (let i = 0; i < 50; i++) {
      line.add("a", i);
      line.done(line.take("a"), 100);
    }
    for (let i = 0; i < 20; i++) line.add("new", i);
    const order = Array.from({ length: 4 }, () => {
      const { tenant } = line.next()!;
      line.add("a", 0);
      line.done(line.take(tenant), 100);
      return tenant;
    });
    expect(order.filter((tenant) => tenant === "a").length).toBeGreaterThan(0);
    expect(order.filter((tenant) => tenant === "new").length).toBeGreaterThan(0);
  });

  it("keeps places from those whose boots take many times as long as is usual", () => {
    const line = queue(MANY, 1);
    const run = (tenant: string, ms: number) => {
      line.add(tenant, 0);
      line.done(line.take(tenant), ms);
    };
    // Somebody is always there, so that nothing is forgotten.
    line.add("there", 0);
    const there = line.take("there");
    for (let i = 0; i < 100; i++) run(`good ${i}`, 30);
    for (const tenant of ["x", "y", "z"]) run(tenant, 5000);
    for (const tenant of ["x", "y", "z"]) line.add(tenant, 1);
    const first = line.take(line.next()!.tenant);
    expect(first.slow).toBe(true);
    // Its debt counted; the others have as much.
    line.add("good 1", 2);
    expect(line.next()!.tenant).toBe("good 1");
    line.done(line.take("good 1"), 30);
    line.done(first, 5000);
    expect(line.next()).toBeDefined();
    line.done(there, 1);
  });

  it("keeps them also when nobody else waits at the moment, and from those who come again later", () => {
    const line = queue(MANY, 1);
    const run = (tenant: string, ms: number) => {
      line.add(tenant, 0);
      line.done(line.take(tenant), ms);
    };
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 100; i++) run(`good ${i}`, 30);
      for (const tenant of ["x", "y", "z"]) run(tenant, 1000);
      for (const tenant of ["x", "y", "z"]) line.add(tenant, 1);
      const first = line.take(line.next()!.tenant);
      expect(first.slow).toBe(true);
      expect(line.next()).toBeUndefined();
      line.done(first, 1000);
      for (let left = 2; left > 0; left--) line.done(line.take(line.next()!.tenant), 1000);
    }
  });

  it("takes nobody for slow whom only a busy machine has slowed down", () => {
    const line = queue(MANY, 1);
    for (let i = 0; i < 200; i++) {
      line.add(`tenant ${i % 20}`, i);
      line.done(line.take(`tenant ${i % 20}`), i % 20 < 5 ? 240 : 12);
    }
    for (let i = 0; i < 5; i++) line.add(`tenant ${i}`, i);
    for (let i = 0; i < 5; i++) expect(line.take(line.next()!.tenant).slow).toBe(false);
  });

  it("keeps none from one who is alone, nor when all take as long", () => {
    const line = queue(MANY, 1);
    for (let i = 0; i < 100; i++) {
      line.add("alone", i);
      line.done(line.take("alone"), i % 4 === 0 ? 5000 : 20);
    }
    for (let i = 0; i < 8; i++) line.add("alone", i);
    for (let i = 0; i < 8; i++) expect(line.take(line.next()!.tenant).slow).toBe(false);

    const slow = queue(MANY, 1);
    for (let i = 0; i < 100; i++) {
      slow.add(`tenant ${i % 8}`, i);
      slow.done(slow.take(`tenant ${i % 8}`), 2000 + i);
    }
    for (let i = 0; i < 8; i++) slow.add(`tenant ${i}`, i);
    for (let i = 0; i < 8; i++) expect(slow.take(slow.next()!.tenant).slow).toBe(false);
  });

  it("forgets tenants of whom nothing is to be remembered, while others go on", () => {
    const line = queue();
    line.add("there", 0);
    for (let i = 0; i < 10_000; i++) {
      line.add("there", i);
      line.add(`tenant ${i}`, i);
      for (const tenant of ["there", `tenant ${i}`]) line.done(line.take(tenant), 10);
    }
    expect(line.tenants).toBeLessThan(2000);
  });
});
