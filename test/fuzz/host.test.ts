// Some rounds of every target in the host, with a seed of its own: `npm run fuzz -- host/all --minutes N` does many. And what they
// have found, once more.

import { DEFAULT_LIMITS } from "userboot-wasm";
import { parseMachine } from "userboot-wasm/machine";
import { describe, expect, it } from "vitest";
import { askHook } from "../../build/host/policy/asker.js";
import { parseRequest, requestOptions } from "../../build/host/serve/request.js";
import { endOfThread, saidByThread } from "../../fuzz/host/cells.js";
import { ATTACKED, Attacked, type Call } from "../../fuzz/host/imports.js";
import { searchHost } from "../../fuzz/host/target.js";
import { HOST_TARGETS } from "../../fuzz/host/targets.js";
import { IMPORTS } from "../support/abi.js";

describe.each(HOST_TARGETS.map((target) => [target.name, target] as const))("%s", (_name, target) => {
  const missing = target.missing?.();
  if (missing !== undefined) console.warn(`*** SKIPPED, ${missing}: ${target.name} ***`);

  it.skipIf(missing !== undefined)("takes anything", { timeout: 120_000 }, async () => {
    const { executions, findings } = await searchHost(target, { seed: 1, runs: target.runs });
    expect(findings).toEqual([]);
    expect(executions).toBeGreaterThanOrEqual(target.runs);
  });
});

describe("the imports", () => {
  it("are all attacked", () => {
    expect(ATTACKED).toEqual(IMPORTS);
  });

  it.each<[string, (session: Attacked) => void]>([
    ["poll wrote at 9", ({ memory }) => new Uint8Array(memory.buffer).fill(1, 9, 10)],
    ["poll wrote guest memory at 7", ({ guest }) => guest.target(7, 8).fill(1)],
    ["poll moved 0 bytes and paid for 0", ({ meter }) => meter.units--],
    ["more diagnostics than may be", ({ state }) => state.diagnostics.push(...Array<string>(257).fill(""))],
    [
      "poll failed inside: no property of undefined",
      () => {
        throw new TypeError("no property of undefined");
      },
    ],
  ])("are watched: %s", async (what, spoil) => {
    const session = await Attacked.open("plain");
    expect(() => session.call(["poll", []])).not.toThrow();
    Object.assign(session.console, { poll: () => spoil(session) });
    expect(() => session.call(["poll", []])).toThrow(what);
  });
});

describe("what was found", () => {
  const OUTSIDE = /^the core names \d+ bytes at 0x[0-9a-f]+ of its 65536$/;
  const CALLS: [string, Parameters<typeof Attacked.open>[0], Call, unknown][] = [
    ["a digest outside the module's memory", "plain", ["sha256", [0, 0, -4096]], OUTSIDE],
    ["a variable outside the module's memory", "plain", ["getenv", [0, 1_074_029_696, 4096]], OUTSIDE],
    ["a direction that wasmer-js doesn't know", "trees", ["fd_seek", [5, 0n, 3, 0]], 28],
    ["a buffer of wasmer-js' of 4 GiB", "trees", ["fd_read", [5, 400, 1, 300]], OUTSIDE],
    ["very many buffers", "trees", ["fd_read", [5, 400, 0x0fff_ffff, 300]], 28],
    [
      "a file made in a granted tree",
      "trees",
      ["path_open", [4, 0, 100, 3, 1, 0x1fff_ffffn, 0x1fff_ffffn, 0, 200]],
      76,
    ],
    ["a file cut in a granted tree", "trees", ["path_open", [4, 0, 100, 3, 8, 0x1fff_ffffn, 0x1fff_ffffn, 0, 200]], 76],
  ];

  it.each(CALLS)("%s", async (_what, kind, call, ending) => {
    const session = await Attacked.open(kind);
    const bytes = new Uint8Array(session.memory.buffer);
    bytes.set(Buffer.from("0/a"), 100);
    bytes.fill(0xff, 404, 408);
    const OPEN: Call = ["path_open", [4, 0, 100, 3, 0, 0x20_4026n, 0x20_4026n, 0, 200]];
    expect(session.call(OPEN)).toBe(kind === "trees" ? 0 : 8);
    const answer = session.call(call);
    if (ending instanceof RegExp) expect((answer as Error).message).toMatch(ending);
    else expect(answer).toBe(ending);
    session.close();
  });

  /** So many ranges of a byte. */
  const bytes = (count: number) => Array.from({ length: count }, (_, i) => [2 * i, 2 * i + 1]);
  const REFUSED = {
    error: { name: "IsolationError", message: expect.stringContaining("something that is no message") },
  };
  it.each<[string, unknown, object]>([
    ["an end", endOfThread({}), { reason: "exit", memory: [] }],
    ["faults that are no number", endOfThread({ faults: "many" }), REFUSED],
    ["faults that are none of any number", endOfThread({ faults: Number.NaN }), REFUSED],
    ["as many ranges as there can be", endOfThread({ written: bytes(4096) }), { memory: { length: 4096 } }],
    ["more ranges than there can be", endOfThread({ written: bytes(4097) }), REFUSED],
    ["ranges that are one", endOfThread({ written: Array(4096).fill([0, 5]) }), REFUSED],
    ["no ranges that are rounded", endOfThread({}, { memoryGranule: 4096 }), { memoryGranule: 1 }],
    [
      "ranges that are rounded, and aren't",
      endOfThread({ written: [[0, 5]] }, { memoryGranule: 4096 }),
      { memoryGranule: 1 },
    ],
    [
      "ranges that are rounded",
      endOfThread({ written: [[0, 4096]] }, { memoryGranule: 4096 }),
      { memoryGranule: 4096 },
    ],
    [
      "ranges that are rounded to what nobody does",
      endOfThread({ written: [[0, 6]] }, { memoryGranule: 3 }),
      { memoryGranule: 1 },
    ],
  ])("what a thread tells: %s", async (_what, end, result) => {
    expect(await saidByThread([{ type: "began" }, end])).toMatchObject(result);
  });

  it("values that can't be made a text, and a denial whose rule is none", () => {
    const odd = { toString: 1, valueOf: 1 };
    const body = Buffer.from(JSON.stringify({ machine: { version: 1 }, limits: { fuel: odd } }));
    const refused = /^limit fuel: \[object Object\] is not a whole number$/;
    expect(() => requestOptions(parseRequest(body), DEFAULT_LIMITS)).toThrow(refused);
    const hooks = { onExec: () => ({ deny: "no", rule: odd }) } as never;
    expect(() => askHook(hooks, "onExec", [])).toThrow(/^hook onExec answered an object with deny, rule;/);
    expect(() => parseMachine({ version: 1, environment: new Map([["a", "b"]]) })).toThrow(
      /environment must be an object/,
    );
  });

  it("descriptors of a granted tree without end", async () => {
    const session = await Attacked.open("trees");
    new Uint8Array(session.memory.buffer).set(Buffer.from("0/a"), 100);
    const open = () => session.call(["path_open", [4, 0, 100, 3, 0, 0x20_4026n, 0x20_4026n, 0, 200]]);
    const answers = Array.from({ length: 300 }, open);
    expect(answers.indexOf(33)).toBe(256);
    expect(session.call(["fd_close", [5]])).toBe(0);
    expect([open(), open()]).toEqual([0, 33]);
    // The directory that is open from the start stays.
    expect(session.call(["fd_close", [4]])).toBe(76);
    session.close();
  });
});
