// Cores that have been taken over, from the other side than imports.ts: modules with the core's imports and exports, of which each
// export does anything: calls imports and other exports, grows its memory, traps, overflows the stack, gives any value of any type,
// or isn't there. A boot with one never rejects, an inspection only with an error of ours, and what comes of it is a result like any.

import fc from "fast-check";
import { BufferConsole, BytesDisk, inspect, UserbootError, VirtualClock } from "userboot-wasm";
import { checkedMessage } from "../../build/host/isolation/check.js";
import { checkReleased } from "../../build/host/memory/pool.js";
import { GivenModules } from "../../build/host/modules.js";
import { sessionOptions } from "../../build/host/options.js";
import { DirectAsker } from "../../build/host/policy/asker.js";
import { makePolicy } from "../../build/host/policy/policy.js";
import { runSession } from "../../build/host/session.js";
import { openTrees } from "../../build/host/wasi/wasmer.js";
import { IMPORTS } from "../../test/support/abi.js";
import { functionType, moduleOf, section, signed, text, unsigned, vector, type WasmType } from "./module.js";
import type { HostTarget, Opened } from "./target.js";
import { importSection, importType, parametersOf } from "./trampoline.js";
import { argument } from "./values.js";

const LOW = 0x2_0000;
/** Sessions that never end by themselves end by these, soon. */
const LIMITS = { fuel: 200_000, wallMs: 300, consoleBytes: 20_000, diskBytes: 100_000, moduleMemory: 2 ** 23 };

/** What the host calls, with the types that it is called with. */
const CORE: Readonly<Record<string, readonly WasmType[]>> = {
  ...{ _start: [], loader_main: ["i32", "i32"], grantFuel: ["i64"], fuelLeft: [], flushOutput: [], seedHash: ["i32"] },
  ...{ wantProfile: ["i32"], profileFacts: [], markOffset: [], explain: [], healedReads: [] },
};
const INSPECTOR: Readonly<Record<string, readonly WasmType[]>> = {
  ...{ _start: [], grantFuel: ["i64"], fuelLeft: [], start: ["i32"], pathAt: [], answerAt: [], answerSize: [] },
  ...{ openPath: ["i32", "i32"], tell: ["i32"], list: ["i32", "i32", "i32"], read: ["i32", "i64", "i32"] },
  ...{ hole: ["i32", "i64"], release: ["i32"], system: ["i32"], explain: [] },
};
/** What the core's own exports give. */
const RESULTS: Readonly<Record<string, WasmType>> = {
  ...{ fuelLeft: "i64", profileFacts: "i64", markOffset: "i64", healedReads: "i32" },
  ...{ pathAt: "i32", answerAt: "i32", answerSize: "i32", openPath: "i32", tell: "i32", list: "i32", read: "i64" },
  ...{ hole: "i64", system: "i32" },
};

const DESCRIPTION = '{"current":"disk0:","disks":[],"volumes":[],"pools":[]}';
/** Texts in the module's memory, and where they are. */
const TEXTS = ["lua", "simp", "4th", "\0", DESCRIPTION, '{"type":"file","mode":0,"uid":0,"gid":0}', "[[[[", "0/a"].map(
  (value, i) => [i * 64, value] as const,
);

const DROP = 0x1a;
const [UNREACHABLE, LOOP, BRANCH, END, CALL, GROW] = [0x00, 0x03, 0x0c, 0x0b, 0x10, [0x40, 0]] as const;
const [LOAD, DIVIDE, NO_TYPE] = [[0x2d, 0, 0], 0x6d, 0x40] as const;

function constant(type: WasmType, value: number | bigint): number[] {
  if (type === "i32") return [0x41, ...signed(BigInt(value))];
  if (type === "i64") return [0x42, ...signed(BigInt(value))];
  const bytes = new DataView(new ArrayBuffer(8));
  if (type === "f32") bytes.setFloat32(0, Number(value), true);
  else bytes.setFloat64(0, Number(value), true);
  return [type === "f32" ? 0x43 : 0x44, ...new Uint8Array(bytes.buffer, 0, type === "f32" ? 4 : 8)];
}

/** A call of an import, whose result is dropped. */
const importCall = (at: number, values: readonly (number | bigint)[]): number[] => [
  ...parametersOf(IMPORTS[at]!).flatMap((type, i) => constant(type, values[i]!)),
  ...[CALL, ...unsigned(at), ...(IMPORTS[at]!.result === "void" ? [] : [DROP])],
];
const numberOf = (name: string) => IMPORTS.findIndex((entry) => entry.name === name);
const anyImport = fc
  .nat({ max: IMPORTS.length - 1 })
  .chain((at) => fc.tuple(...parametersOf(IMPORTS[at]!).map(argument)).map((values) => importCall(at, values)));

/** Ways to end, which a module that is called with anything hardly finds. */
const ending = fc.oneof(
  fc.constantFrom(...TEXTS).map(([at, value]) => importCall(numberOf("swap_interpreter"), [at, value.length])),
  fc.constantFrom(0x40_01a0n, -0x7fdf_fdc0n).map((entry) => importCall(numberOf("exec"), [entry])),
  fc.constantFrom(0, 1, 2, -1).map((code) => importCall(numberOf("exit"), [code])),
);

/** It goes on and on, and calls an import, as everything does that goes on long. */
const ENDLESS: number[] = [LOOP, NO_TYPE, CALL, ...unsigned(numberOf("hooks")), DROP, BRANCH, 0, END];

/** One export: the type of its result, and its body, into which the numbers of the exports go. */
interface Body {
  result: WasmType | undefined;
  code(own: (at: number) => number[]): number[];
}

function bodyOf(name: string, count: number): fc.Arbitrary<Body> {
  const step = fc.oneof(
    { weight: 6, arbitrary: anyImport.map((code) => () => code) },
    {
      weight: 2,
      arbitrary: fc.nat({ max: count - 1 }).map((at) => (own: (at: number) => number[]) => own(at)),
    },
    { weight: 1, arbitrary: fc.nat({ max: 200 }).map((pages) => () => [...constant("i32", pages), ...GROW, DROP]) },
  );
  const trap: fc.Arbitrary<number[]> = fc.constantFrom<number[]>(
    [UNREACHABLE],
    [...constant("i32", 1), ...constant("i32", 0), DIVIDE, DROP],
    [...constant("i32", -1), ...LOAD, DROP],
    ENDLESS,
  );
  const known = RESULTS[name];
  const result = fc.oneof(
    { weight: 6, arbitrary: fc.constant(known) },
    { weight: 1, arbitrary: fc.constantFrom<WasmType | undefined>("i32", "i64", "f32", "f64", undefined) },
  );
  const isMain = name === "loader_main";
  const last = fc.oneof(
    { weight: 6, arbitrary: fc.constant<number[]>([]) },
    { weight: 1, arbitrary: trap },
    { weight: isMain ? 12 : 1, arbitrary: ending },
  );
  const steps = fc.array(step, { maxLength: isMain ? 6 : 2 });
  const values = fc.tuple(argument("i32"), argument("i64"), fc.double());
  return fc.tuple(steps, last, result, values).map(([list, end, type, [small, large, real]]) => ({
    result: type,
    code(own) {
      const given = type === undefined ? [] : constant(type, type === "i32" ? small : type === "i64" ? large : real);
      return [...list.flatMap((make) => make(own)), ...end, ...given];
    },
  }));
}

/** A module with the exports of `table` and these bodies for them; `odd` isn't there, or is its memory. */
function moduleWith(table: typeof CORE, bodies: readonly Body[], odd?: string, isMemory = false): WebAssembly.Module {
  const names = Object.keys(table);
  const own = (at: number): number[] => [
    ...table[names[at]!]!.flatMap((type) => constant(type, 0)),
    ...[CALL, ...unsigned(IMPORTS.length + at), ...(bodies[at]!.result === undefined ? [] : [DROP])],
  ];
  const types = bodies.map(({ result }, i) => functionType(table[names[i]!]!, result === undefined ? [] : [result]));
  const code = bodies.map((body) => {
    const bytes = [0, ...body.code(own), END];
    return [...unsigned(bytes.length), ...bytes];
  });
  const exported = names.flatMap((name, i) => {
    if (name !== odd) return [[...text(name), 0, ...unsigned(IMPORTS.length + i)]];
    return isMemory ? [[...text(name), 2, 0]] : [];
  });
  const data = TEXTS.map(([at, value]) => [0, ...constant("i32", at), END, ...text(value)]);
  return moduleOf([
    section(1, vector([...IMPORTS.map(importType), ...types])),
    importSection(1),
    section(3, vector(names.map((_, i) => unsigned(IMPORTS.length + i)))),
    section(7, vector([[...text("memory"), 2, 0], ...exported])),
    ...[section(10, vector(code)), section(11, vector(data))],
  ]);
}

/** A module with the exports of `table`, of which some aren't there, or are no functions. */
function hostileModule(table: typeof CORE): fc.Arbitrary<WebAssembly.Module> {
  const names = Object.keys(table);
  const bodies = fc.tuple(...names.map((name) => bodyOf(name, names.length)));
  const lacking = fc.option(fc.constantFrom(...names), { freq: 12, nil: undefined });
  return fc.tuple(bodies, lacking, fc.boolean()).map((made) => moduleWith(table, ...made));
}

/** What an export of `coreOf` does: it traps, never ends, calls an import, or gives something. */
export type Deed =
  | "trap"
  | "loop"
  | { call: string; with: readonly (number | bigint)[] }
  | { type: WasmType; value: number | bigint };

/** A core whose exports do this; the others do what they should, and `loader_main` exits with 1. */
export function coreOf(deeds: Readonly<Record<string, Deed>>): WebAssembly.Module {
  const bodies = Object.keys(CORE).map((name): Body => {
    const deed = deeds[name] ?? (name === "loader_main" ? { call: "exit", with: [1] } : undefined);
    const usual = RESULTS[name];
    const given = usual === undefined ? [] : constant(usual, usual === "i64" ? 0n : 0);
    if (deed === undefined) return { result: usual, code: () => given };
    if (deed === "trap") return { result: usual, code: () => [UNREACHABLE] };
    if (deed === "loop") return { result: usual, code: () => [...ENDLESS, ...given] };
    if ("type" in deed) return { result: deed.type, code: () => constant(deed.type, deed.value) };
    return { result: usual, code: () => [...importCall(numberOf(deed.call), deed.with), ...given] };
  });
  return moduleWith(CORE, bodies);
}

const TREE = { directories: [], files: [{ path: "a", content: new TextEncoder().encode("content") }] };
const image = new Uint8Array(10_000).fill(3);

/** Runs a session of `cores`, and throws when anything is wrong with what comes of it. */
export async function runHostile(
  [simp, lua, small]: readonly WebAssembly.Module[],
  { asks = false, trees = false } = {},
): Promise<string> {
  const { limits, ...options } = sessionOptions({ memory: { low: LOW, high: 0 }, limits: LIMITS, disks: [image] });
  const console = new BufferConsole();
  const wasi = trees ? await openTrees([TREE]) : undefined;
  const modules = new Map([
    ["simp", simp!],
    ["lua", lua!],
    ["lua_small", small!],
  ] as const);
  const policy = asks
    ? await makePolicy(new DirectAsker({ onSetenv: () => undefined, onExec: () => undefined }), true, limits)
    : undefined;
  try {
    const result = await runSession({
      ...{ console, wasi, policy, reuse: true, clock: new VirtualClock() },
      options: { ...options, limits },
      modules: new GivenModules(modules, ["lua"], async () => {
        throw new Error("there is no other");
      }),
      disks: [new BytesDisk(image)],
    });
    // What is promised of any result.
    checkedMessage({ type: "done", data: structuredClone({ ...result }), keysConsumed: 0, guest: {} });
    if (!(result.fuelUsed >= 0 && result.fuelUsed <= LIMITS.fuel)) throw new Error(`it used ${result.fuelUsed}`);
    if (!(result.disk.healed >= 0)) throw new Error(`${result.disk.healed} were healed`);
    if (console.text.length > LIMITS.consoleBytes) throw new Error("more was shown than may be");
    result.release();
    return result.reason === "error" ? result.error.name : result.reason;
  } finally {
    wasi?.dispose();
  }
}

function openSessions(trees: boolean): Opened {
  checkReleased(true);
  const core = hostileModule(CORE);
  const property = fc.asyncProperty(fc.tuple(core, core, core), fc.boolean(), async (cores, asks) => {
    await runHostile(cores, { asks, trees });
  });
  return { property };
}

/** Passes over errors of ours. */
function typed(error: unknown): void {
  if (!(error instanceof UserbootError)) throw new Error(`it rejects with ${error}`, { cause: error });
}

function openInspections(): Opened {
  checkReleased(true);
  const property = fc.asyncProperty(hostileModule(INSPECTOR), async (module) => {
    try {
      const limits = { requestFuel: LIMITS.fuel, requestMs: LIMITS.wallMs, wallMs: 1000 };
      const inspection = await inspect({
        disks: [image],
        isolation: "none",
        limits,
        assets: { modules: { inspect: module } },
      });
      for (const ask of [() => inspection.list("/"), () => inspection.readFile("/a"), () => inspection.system()]) {
        await ask().catch(typed);
      }
      await inspection.close();
    } catch (error) {
      typed(error);
    }
  });
  return { property };
}

export const exportTargets: readonly HostTarget[] = [
  { name: "host/exports", runs: 100, open: () => openSessions(false) },
  { name: "host/exports-trees", runs: 30, open: () => openSessions(true) },
  { name: "host/exports-inspect", runs: 100, open: openInspections },
];
