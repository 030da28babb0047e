// What callers and operators hand over: set-ups (`machine.json`) and requests of `serve` as texts of strangers, options of `boot`,
// `inspect` and `createPool` by somebody careless, questions to an inspection, answers of hooks and of policies in Lua. What is
// wrong is refused by an error of ours that says so in one line, and nothing is left waiting.

import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { boot, createPool, DEFAULT_LIMITS, type Inspection, inspect, UserbootError } from "userboot-wasm";
import { formatMachine, machineOptions, parseMachine } from "userboot-wasm/machine";
import { loadLuaPolicy } from "userboot-wasm/policy";
import { sessionOptions } from "../../build/host/options.js";
import { askHook, enforce, permittedEnvironment } from "../../build/host/policy/asker.js";
import type { BootHooks, HookName } from "../../build/host/policy/hooks.js";
import { parseRequest, requestOptions } from "../../build/host/serve/request.js";
import { GUESTS, guestImage } from "../../test/support/guests.js";
import type { HostTarget, Opened } from "./target.js";
import { anything, changed, text } from "./values.js";

/** What a caller's own getter or method throws is the caller's. */
const CALLERS_OWN = /^(asked|called)$/;
const MESSAGE_MAX = 4096;

/** Whether `error` is one that says what is wrong. Throws when it isn't. */
function refused(error: unknown): true {
  if (!(error instanceof Error)) throw new Error(`it throws ${String(error)}`);
  if (CALLERS_OWN.test(error.message)) return true;
  if (!(error instanceof UserbootError)) throw new Error(`it throws ${error}`, { cause: error });
  if (error.name === "InternalError") throw new Error(`it fails inside: ${error.message}`);
  if (error.message.length > MESSAGE_MAX) throw new Error(`it says too much: ${error.message.slice(0, 100)}`);
  if ("polluted" in {}) throw new Error("all objects have a key more");
  return true;
}

/** What `body` gives, or undefined when it was refused. */
function taken<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch (error) {
    refused(error);
    return undefined;
  }
}

const MACHINE = {
  ...{ version: 1, memory: 67_108_864, target: "qemu", currdev: "disk0p2:", loader: "lua", interface: 5 },
  disks: ["a.img", { image: "b.vmdk", format: "vmdk", sectorSize: 512, readOnly: true, files: ["c", { image: "d" }] }],
  environment: { a: "b", "kernel.name": "x" },
  overlay: { "/boot/loader.conf": 'a="b"\n', "/gone": null, "/bytes": { base64: "AAEC" } },
  ...{ profile: "auto", console: "stdio", clock: "virtual", hashSeed: 7, defaultEnvironment: true },
};

/** JSON as a text that is cut, or changed in a character. */
function texts(good: object): fc.Arbitrary<string> {
  const whole = changed(good, anything).map((value) => {
    try {
      return JSON.stringify(value) ?? "";
    } catch {
      return "{}";
    }
  });
  const cut = fc.tuple(whole, fc.nat({ max: 600 }), fc.nat({ max: 2 }), text);
  return fc.oneof(
    { weight: 6, arbitrary: whole },
    { weight: 2, arbitrary: cut.map(([all, at, gone, put]) => all.slice(0, at) + put + all.slice(at + gone)) },
    { weight: 1, arbitrary: fc.constantFrom("[".repeat(200_000), '{"a":'.repeat(20_000), "\ufeff{}", "") },
  );
}

function openMachine(): Opened {
  const property = fc.property(fc.oneof(texts(MACHINE), changed(MACHINE, anything)), (given) => {
    const machine = taken(() => parseMachine(given as string));
    if (machine === undefined) return;
    if (!isDeepStrictEqual(parseMachine(formatMachine(machine)), machine)) throw new Error("it isn't what was written");
    taken(() => sessionOptions({ ...machineOptions(machine), overlay: undefined } as never));
  });
  return { property };
}

const REQUEST = {
  machine: MACHINE,
  ...{
    format: "machine",
    policy: "p",
    limits: { fuel: 1000, wallMs: 10 },
    map: "bhyve",
    digests: true,
    measure: false,
  },
};

function openRequests(): Opened {
  const bytes = fc.oneof(
    { weight: 8, arbitrary: texts(REQUEST).map((body) => Buffer.from(body)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 50 }).map((body) => Buffer.from(body)) },
  );
  const property = fc.property(bytes, (body) => {
    const request = taken(() => parseRequest(body));
    if (request === undefined) return;
    const options = taken(() => requestOptions(request, DEFAULT_LIMITS));
    for (const [name, value] of Object.entries(options?.limits ?? {}))
      if (!(value <= DEFAULT_LIMITS[name as keyof typeof DEFAULT_LIMITS])) throw new Error(`limit ${name}: ${value}`);
  });
  return { property };
}

const image = () => guestImage(GUESTS.amd64);
const LIMITS = { wallMs: 20_000, fuel: 3_000_000, moduleMemory: 16_777_216, diskBytes: 1_000_000 };
const BOOT = {
  disks: [{ image: new Uint8Array(4096), format: "raw", sectorSize: 512 }],
  overlay: { "/a": "b", "/gone": null },
  memory: { low: 2 ** 20, high: 0 },
  map: [{ base: 0, length: 4096n, type: 1 }],
  env: ["a=b"],
  console: { write: () => {} },
  ...{ start: "simp", interfaceVersion: 5, profile: "auto", clock: "virtual", hashSeed: 1, limits: LIMITS },
  ...{ waitCounts: true, digests: true, isolation: "none", hooks: { automation: [{ expect: "OK", send: "boot\r" }] } },
};

function openOptions(): Opened {
  const property = fc.asyncProperty(changed(BOOT, anything), async (options) => {
    try {
      (await boot(options as never)).release();
    } catch (error) {
      refused(error);
    }
  });
  return { property };
}

const INSPECT = { disks: BOOT.disks, limits: { wallMs: 20_000 }, isolation: "none" };
const POOL = { ...{ size: 1, spare: 0, queue: 2, isolation: "none" }, limits: LIMITS };

function openOthers(): Opened {
  const closing = fc.oneof(
    changed(INSPECT, anything).map((options) => () => inspect(options as never)),
    changed(POOL, anything).map((options) => () => createPool(options as never)),
  );
  const property = fc.asyncProperty(closing, async (open) => {
    try {
      await (await open()).close();
    } catch (error) {
      refused(error);
    }
  });
  return { property };
}

/** Questions, each by its method's name. */
const QUESTIONS: Readonly<Record<string, (inspection: Inspection, path: never, options: never) => unknown>> = {
  list: (inspection, path, options) => inspection.list(path, options),
  stat: (inspection, path) => inspection.stat(path),
  readFile: (inspection, path, options) => inspection.readFile(path, options),
  hash: (inspection, path, options) => inspection.hash(path, options),
  system: (inspection, path) => inspection.system(path),
  find: async (inspection, path, options) => {
    for await (const _ of inspection.find(path, options)) break;
  },
  readParts: async (inspection, path, options) => {
    for await (const _ of inspection.readParts(path, options)) break;
  },
  eachPart: (inspection, path, options) => inspection.eachPart(path, () => {}, options),
};

async function openQuestions(): Promise<Opened> {
  const inspection = await inspect({ disks: [image()], isolation: "none" });
  const path = fc.oneof(fc.constantFrom("/", "/boot/kernel/kernel", "disk0p1:/boot", "zfs:a:/", "host0:/"), anything);
  const options = changed({ details: true, unpacked: true, limit: 100, offset: 5, length: 5, deep: true }, anything);
  const question = fc.constantFrom(...Object.keys(QUESTIONS));
  const property = fc.asyncProperty(question, path, fc.option(options, { nil: undefined }), async (name, ...given) => {
    try {
      await QUESTIONS[name]!(inspection, given[0] as never, given[1] as never);
    } catch (error) {
      refused(error);
    }
    // It goes on.
    await inspection.stat("/");
  });
  return { property, close: () => inspection.close() };
}

const FACTS: Readonly<Record<Exclude<HookName, "onEnvironment">, unknown[]>> = {
  onSetenv: ["name", "value"],
  onFile: [{ device: "disk0:", path: "/a", size: 3, sha256: "00", purpose: "data" }],
  onKernel: [{ path: "/k", args: "" }],
  onExec: [{ modules: [], environment: {}, rip: "0x0" }],
};
const answers = fc.oneof(
  anything,
  ...[{ value: "a" }, { args: "-s" }, { replace: new Uint8Array(3) }, { deny: "no", rule: "r" }].map((good) =>
    changed(good, anything),
  ),
);

/** Asks all hooks: what they answer is nothing, what the core can take, or an end. */
function askAll(hooks: BootHooks): void {
  for (const [hook, facts] of Object.entries(FACTS) as [keyof typeof FACTS, unknown[]][]) {
    if (hooks[hook] === undefined) continue;
    const answer = taken(() => enforce(askHook(hooks, hook, facts), hook, "something"));
    if (answer === undefined) continue;
    const [[name, value], ...more] = Object.entries(answer) as [[string, unknown]];
    const isText = typeof value === "string" && !/[^\x00-\xff]/.test(value);
    if (more.length > 0 || !(name === "replace" ? value instanceof Uint8Array : isText))
      throw new Error(`${hook} may answer ${name}: ${String(value)}`);
  }
  const entries = taken(() => permittedEnvironment(hooks, ["a=b", "c"])) ?? [];
  if (entries.some((entry) => typeof entry !== "string")) throw new Error("the environment has what is no text");
}

function openHooks(): Opened {
  const property = fc.property(answers, (answer) => {
    const same = () => answer as never;
    askAll({ onSetenv: same, onFile: same, onKernel: same, onExec: same, onEnvironment: same });
  });
  return { property };
}

/** Expressions of Lua, also such as never end. What the library's functions do by themselves no limit counts: policies are trusted. */
const lua = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom(
      ...["nil", "true", "0", "-1", "1e308*10", "0/0", "''", "'\\255\\0'", "print", "string", "_G", "math.huge"],
      ...[
        "setmetatable({}, {__index=function() error({}) end})",
        "setmetatable({}, {__tostring=function() return 1 end})",
      ],
      ...["setmetatable({}, {__pairs=error, __len=error, __metatable=false})"],
      ...[
        "(function() while true do end end)()",
        "(function() local function f() return f() + 1 end return f() end)()",
      ],
      ...[
        "(function() local t = {} t.value = t return t end)()",
        "error(nil)",
        "error({})",
        "error(setmetatable({}, {}))",
      ],
      ...["pcall(error)", "deny('no')", "deny()", "read('file')", "read('../file')", "sha256('a')", "sha256({})"],
      ...[
        "('x'):format(('%d'):rep(100))",
        "('%99999d'):format(1)",
        "table.concat({{}})",
        "select('#', ...)",
        "string.char(300)",
      ],
      ...["{value='\\u{1F600}'}"],
    ),
    tie("value").map((value) => `{ value = ${value} }`),
    tie("value").map((value) => `{ args = ${value}, [1] = 2 }`),
    tie("value").map((value) => `{ deny = ${value}, rule = ${value} }`),
    tie("value").map((value) => `{ replace = ${value} }`),
    tie("value").map((value) => `pcall(function() return ${value} end)`),
    tie("value").map((value) => `tostring(${value})`),
    fc.tuple(tie("value"), tie("value")).map(([a, b]) => `${a} .. ${b}`),
  ),
})).value;

function openLua(): Opened {
  const options = {
    sha256: (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex"),
    files: new Map([["file", new Uint8Array([1, 2])]]),
    instructionLimit: 300_000,
  };
  const hook = fc.tuple(fc.constantFrom("onSetenv", "onFile", "onKernel", "onExec", "onEnvironment"), lua);
  const sources = fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .array(hook, { minLength: 1, maxLength: 3 })
        .map((hooks) => hooks.map(([name, value]) => `function ${name}(...) return ${value} end`).join("\n")),
    },
    { weight: 2, arbitrary: lua.map((value) => `local x = ${value}\nfunction onSetenv() return x end`) },
    {
      weight: 1,
      arbitrary: fc
        .array(fc.constantFrom("expect(", "menu(", "'a'", "''", ",", ")", "nil", "\n", "\\", "--[["))
        .map((words) => words.join("")),
    },
  );
  const property = fc.property(sources, (source) => {
    const hooks = taken(() => loadLuaPolicy(Buffer.from(source), "p.lua", options));
    if (hooks !== undefined) askAll(hooks);
  });
  return { property };
}

export const callerTargets: readonly HostTarget[] = [
  { name: "host/machine", runs: 1000, open: openMachine },
  { name: "host/requests", runs: 1000, open: openRequests },
  { name: "host/options", runs: 100, open: openOptions },
  { name: "host/others", runs: 100, open: openOthers },
  { name: "host/inspection", runs: 200, open: openQuestions },
  { name: "host/hooks", runs: 1000, open: openHooks },
  { name: "host/lua", runs: 60, open: openLua },
];
