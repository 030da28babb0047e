// The order in which a pool takes tenants on: everyone comes, nobody twice, and by the time that boots took.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FairQueue, type Turn } from "../../build/host/pool/queue.js";

const MANY = 1_000_000;
const queue = (most = MANY, slowMost = MANY, clock?: () => number) =>
  new FairQueue<number>(most, slowMost, undefined, clock);

/** A queue of whose places those who are slow have `slowMost`, and its time, which boots take when they run alone. */
function timed(slowMost = 1) {
  let now = 0;
  const line = queue(MANY, slowMost, () => now);
  const pass = (ms: number) => {
    now += ms;
  };
  const done = (turn: Turn, ms: number) => {
    pass(ms);
    line.done(turn, ms);
  };
  const run = (tenant: string, ms: number) => {
    line.add(tenant, 0);
    done(line.take(tenant), ms);
  };
  /** How many of `tenant`'s are taken when it is the only one that waits. They take `ms`. */
  const taken = (tenant: string, count: number, ms = 1) => {
    for (let i = 0; i < count; i++) line.add(tenant, i);
    const turns: Turn[] = [];
    while (line.next() !== undefined) turns.push(line.take(tenant));
    for (const turn of turns) line.done(turn, ms);
    for (let i = turns.length; i < count; i++) line.remove(tenant, i);
    return turns.length;
  };
  return { line, pass, done, run, taken };
}

/** What each tenant has got of the time, when `count` are taken one after the other and tenants never lack any. */
function shares(costs: Record<string, number>, count: number): Record<string, number> {
  const line = queue();
  for (const tenant of Object.keys(costs)) for (const item of [0, 1]) line.add(tenant, item);
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

/** How many are taken before `tenant`'s first, one after the other; they take `ms`. */
function before(tenant: string, line: FairQueue<number>, ms: number): number {
  for (let count = 0; ; count++) {
    const next = line.next()!;
    if (next.tenant === tenant) return count;
    line.done(line.take(next.tenant), ms);
  }
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

  it("has no claims saved up for who had something that ran, and wanted no more", () => {
    const { line, pass } = timed();
    line.add("x", 0);
    line.take("x");
    for (let i = 0; i < 100; i++) {
      for (const item of [0, 1]) line.add("other", item);
      const turns = [line.take("other"), line.take("other")];
      pass(100);
      for (const turn of turns) line.done(turn, 100);
    }
    for (let i = 0; i < 10; i++) line.add("x", i);
    line.add("new", 0);
    expect(before("new", line, 200)).toBeLessThan(2);
  });

  it("counts what runs by what it has taken, whatever others took", () => {
    const { line, pass, done } = timed();
    for (let i = 0; i < 10; i++) line.add("long", i);
    for (let i = 0; i < 9; i++) done(line.take("long"), 60_000);
    for (let i = 0; i < 20; i++) line.add("here", i);
    const turns = [line.take("here"), line.take("here"), line.take("here")];
    pass(10);
    for (const turn of turns) line.done(turn, 10);
    line.add("new", 0);
    expect(before("new", line, 10)).toBeLessThan(2);

    const running = timed();
    for (const tenant of ["a", "b"]) for (const item of [0, 1]) running.line.add(tenant, item);
    running.line.take("a");
    running.done(running.line.take("b"), 1000);
    running.pass(1000);
    expect(running.line.next()!.tenant).toBe("b");
  });

  it("counts the places that somebody holds, and for how long it kept them free before", () => {
    for (const isOver of [false, true]) {
      const { line, pass } = timed();
      for (const tenant of ["a", "b"]) for (let i = 0; i < 4; i++) line.add(tenant, i);
      const turn = line.take("a", 3, 100);
      pass(200);
      if (isOver) line.done(turn, 200);
      for (const ms of [890, 20]) {
        expect(line.next()!.tenant).toBe("b");
        line.done(line.take("b"), ms);
      }
      expect(line.next()!.tenant).toBe("a");
    }
  });

  it("has no claims saved up for who waited for its own to end", () => {
    let now = 0;
    let waits = true;
    const line = new FairQueue<number>(
      MANY,
      MANY,
      (item) => waits && item < 0,
      () => now,
    );
    for (const item of [0, -1, 2, 3, 4]) line.add("x", item);
    const own = line.take("x");
    line.add("other", 0);
    for (let i = 0; i < 100; i++) {
      line.add("other", i);
      expect(line.next()!.tenant).toBe("other");
      const turns = [line.take("other"), line.take("other")];
      line.add("other", i);
      now += 100;
      for (const turn of turns) line.done(turn, 100);
    }
    for (let i = line.waitingOf("other"); i > 0; i--) line.done(line.take("other"), 0);
    // One more would come behind.
    expect(["x", "other"].map((name) => line.isNext(name))).toEqual([false, true]);
    for (const item of [0, 1, 2]) line.add("other", item);
    waits = false;
    line.done(own, now);
    expect(before("other", line, 200)).toBeLessThan(3);
  });

  it("has no claims saved up for what was slow", () => {
    const { line, pass, run } = timed();
    run("good", 30);
    const slow = Array.from({ length: 10 }, (_, i) => `slow ${i}`);
    for (const tenant of slow) for (let i = 0; i < 100; i++) line.add(tenant, i);
    const turns = slow.map((tenant) => line.take(tenant));
    pass(1000);
    for (const turn of turns) line.done(turn, 1000);
    for (let i = 0; i < 300; i++) run("good", 100);
    for (const tenant of slow) line.done(line.take(tenant), 1);
    line.add("new", 0);
    expect(before("new", line, 30)).toBeLessThanOrEqual(2 * slow.length);
  });

  it("keeps places from those whose boots take many times as long as is usual", () => {
    const { line, done, run } = timed();
    // Somebody is always there, so that nothing is forgotten.
    line.add("there", 0);
    const there = line.take("there");
    for (let i = 0; i < 100; i++) run(`good ${i}`, 30);
    for (const tenant of ["x", "y", "z"]) run(tenant, 5000);
    for (const tenant of ["x", "y", "z"]) line.add(tenant, 1);
    const first = line.take(line.next()!.tenant);
    expect(line.next()).toBeUndefined();
    // Its debt counted; the others have as much.
    line.add("good 1", 2);
    expect(line.next()!.tenant).toBe("good 1");
    done(line.take("good 1"), 30);
    done(first, 5000);
    expect(line.next()).toBeDefined();
    line.done(there, 1);
  });

  it("keeps them also when nobody else waits at the moment, and from those who come again later", () => {
    const { line, done, run } = timed();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 100; i++) run(`good ${i}`, 30);
      for (const tenant of ["x", "y", "z"]) run(tenant, 1000);
      for (const tenant of ["x", "y", "z"]) line.add(tenant, 1);
      for (let left = 3; left > 0; left--) {
        const turn = line.take(line.next()!.tenant);
        expect(line.next()).toBeUndefined();
        done(turn, 1000);
      }
    }
  });

  it("counts what ran already when it came out that its tenant is slow", () => {
    const { line, done, run } = timed(2);
    run("good", 30);
    for (let i = 0; i < 8; i++) line.add("x", i);
    const turns = [0, 1, 2, 3].map(() => line.take(line.next()!.tenant));
    done(turns[0]!, 5000);
    expect(line.next()).toBeUndefined();
    for (const turn of turns.slice(1, 3)) line.done(turn, 5000);
    line.take(line.next()!.tenant);
    expect(line.next()).toBeUndefined();
  });

  it("isn't got around by quicker boots between long ones, however many, nor by boots of many others", () => {
    const others = fc.array(fc.integer({ min: 0, max: 250 }), { maxLength: 1500 });
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 50 }), others, (own, others) => {
        const { pass, run, taken } = timed();
        run("good", 30);
        run("x", 60_000);
        for (const ms of own) run("x", ms);
        pass(200_000);
        for (const [i, ms] of others.entries()) run(`other ${i}`, ms / 4);
        run("good", 30);
        expect(taken("x", 4)).toBe(1);
      }),
      { numRuns: 30 },
    );
  });

  it("isn't got around by so many who are slow that each has to wait for its turn", () => {
    const { line, done, run } = timed();
    for (let i = 0; i < 10; i++) run(`good ${i}`, 30);
    for (let i = 0; i < 20; i++) {
      run(`bad ${i}`, 1000);
      line.add(`bad ${i}`, i);
    }
    for (let i = 0; i < 200; i++) {
      const { tenant } = line.next()!;
      const turn = line.take(tenant);
      expect(line.next()).toBeUndefined();
      line.add(tenant, i);
      done(turn, 1000);
      run(`good ${i % 10}`, 30);
    }
  });

  it("takes nobody for slow for long, whether it stays or comes again", () => {
    const { line, pass, done, run, taken } = timed();
    run("good", 30);
    run("unlucky", 3000);
    expect(taken("unlucky", 4)).toBe(1);
    pass(31_000);
    expect(taken("unlucky", 4)).toBe(4);
    run("unlucky", 3000);
    line.add("unlucky", 0);
    for (let i = 0; i < 1000; i++) {
      const turn = line.take("unlucky");
      line.add("unlucky", i);
      done(turn, 32);
      if (i % 20 === 0) run("good", 30);
    }
    line.take("unlucky");
    line.add("unlucky", 0);
    expect(line.next()).toBeDefined();
  });

  it("would take one at once who isn't slow any more when it comes", () => {
    const { line, pass, run } = timed();
    run("good", 30);
    run("other", 60_000);
    run("unlucky", 3000);
    line.add("other", 0);
    line.take("other");
    expect(line.isNext("unlucky")).toBe(false);
    pass(31_000);
    expect(line.isNext("unlucky")).toBe(true);
    // Who is there has something done first.
    pass(1_000_000);
    expect(line.isNext("other")).toBe(false);
  });

  it("has what is usual from all tenants, however often one of them boots", () => {
    for (const [often, usual] of [
      [1, 300],
      [5000, 30],
    ] as const) {
      const { run, taken } = timed();
      for (let i = 0; i < 400; i++) run(i % 25 < 4 ? `tenant ${i % 25}` : "often", i % 25 < 4 ? usual : often);
      for (let i = 0; i < 4; i++) expect(taken(`tenant ${i}`, 4, usual)).toBe(4);
      expect(taken("often", 4)).toBe(often > 250 ? 1 : 4);
    }
  });

  it("takes nobody for slow whom only a busy machine has slowed down", () => {
    const { run, taken } = timed();
    for (let i = 0; i < 200; i++) run(`tenant ${i % 20}`, i % 20 < 5 ? 240 : 12);
    for (let i = 0; i < 5; i++) expect(taken(`tenant ${i}`, 5)).toBe(5);
  });

  it("keeps none from one who is alone, nor when all take as long", () => {
    const alone = timed();
    for (let i = 0; i < 150; i++) alone.run("alone", i % 4 === 0 ? 5000 : 20);
    expect(alone.taken("alone", 8)).toBe(8);

    const { line, run } = timed();
    for (let i = 0; i < 100; i++) run(`tenant ${i % 8}`, 2000 + i);
    for (let i = 0; i < 8; i++) line.add(`tenant ${i}`, i);
    for (let i = 0; i < 8; i++) line.take(line.next()!.tenant);
    expect(line.length).toBe(0);
  });

  it("remembers who has had more than its share, also when it was away for a moment", () => {
    const queue = new FairQueue<string>(10, 10, undefined, () => 0);
    queue.add("long", "first");
    const first = queue.take("long");
    for (const item of ["one", "two"]) queue.add("other", item);
    queue.done(first, 1000);
    expect(queue.tenants).toBe(2);
    queue.add("long", "second");
    queue.done(queue.take("other"), 200);
    expect(queue.next()).toEqual({ tenant: "other", item: "two" });
  });

  it("forgets tenants of whom nothing is to be remembered, while others go on", () => {
    const line = queue();
    line.add("there", 0);
    for (let i = 0; i < 4000; i++) {
      line.add("there", i);
      line.add(`tenant ${i}`, i);
      for (const tenant of ["there", `tenant ${i}`]) line.done(line.take(tenant), 10);
    }
    expect(line.tenants).toBeLessThan(2000);
  });

  it.each([1, 50])(
    "has names that are always new come before nobody for long, nor remembers them: %i places",
    (places) => {
      const { line, done } = timed();
      const running: Turn[] = [];
      let name = 0;
      const add = () => line.add(`tenant ${name++}`, name);
      const boot = () => {
        add();
        done(running.shift()!, 100);
        const { tenant } = line.next()!;
        running.push(line.take(tenant, places));
        return tenant;
      };
      for (let i = 0; i < 4; i++) {
        add();
        running.push(line.take(`tenant ${i}`, places));
      }
      for (let i = 0; i < 3000; i++) boot();
      expect(line.tenants).toBeLessThan(600);
      const again = boot();
      line.add(again, 0);
      let others = 0;
      while (boot() !== again) expect(++others).toBeLessThan(100);
    },
  );

  it("doesn't remember names that are always new and leave the line after they kept places free", () => {
    const { line } = timed();
    line.add("there", 0);
    line.take("there");
    for (let i = 0; i < 3000; i++) {
      line.add(`tenant ${i}`, i);
      line.remove(`tenant ${i}`, i, 1000);
    }
    expect(line.tenants).toBeLessThan(600);
  });
});
