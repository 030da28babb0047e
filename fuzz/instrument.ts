// Puts counters into a module of the core as it was built: one for every edge of its functions' control flow, each in a
// global of its own, where the core's code can neither see nor reach it. The rest of the code stays what it was, byte by
// byte. What is added besides: `fuzz_collect(at)` stores all counters at an address and clears them, and the module's own
// variables are exported, so that an instance can be set back. A module with names gets red zones in its heap, too (heap.ts).
// The binary format: WebAssembly core specification, chapter 5.

import { type Added, ALLOCATOR, heapFunctions } from "./heap.js";
import { functionNames } from "./names.js";
import { unsignedBytes as unsigned, WasmReader } from "./wasm_reader.js";

const PREAMBLE = 8;
const SECTION = { custom: 0, type: 1, import: 2, function: 3, global: 6, export: 7, code: 10 };
const I32 = 0x7f;
const NO_RESULT = 0x40;
const MUTABLE = 1;
const KIND = { function: 0, global: 3 };
const OP = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  localGet: 0x20,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Store: 0x36,
  i32Const: 0x41,
  i32Add: 0x6a,
};

/** What goes on elsewhere. */
const BRANCHING: ReadonlySet<number> = new Set([
  OP.unreachable,
  OP.block,
  OP.loop,
  OP.if,
  OP.else,
  OP.end,
  OP.br,
  OP.brIf,
  OP.brTable,
  OP.return,
]);

/** How the exported variables of a module are called: this and a number. */
export const VARIABLE = "fuzz_variable_";

/** A module with counters. */
export interface Instrumented {
  bytes: Uint8Array<ArrayBuffer>;
  /** Of each edge, the number of the function that it is in, imports counted. */
  functions: number[];
  /** Edges that lead straight to a trap: to take one is a finding. */
  trapping: ReadonlySet<number>;
  /** Types of the variables. */
  variables: ("number" | "bigint")[];
  /** Of a module with names: what its functions are called, and where the list of its heap begins, among the variables. */
  names: ReadonlyMap<number, string>;
  heap: number | undefined;
}

interface Section {
  id: number;
  body: Uint8Array;
}

/** `module` with counters. */
export function instrument(module: Uint8Array): Instrumented {
  const reader = new WasmReader(module);
  reader.take(PREAMBLE);
  const sections: Section[] = [];
  while (!reader.ended) {
    const id = reader.byte();
    sections.push({ id, body: reader.take(reader.unsigned()) });
  }
  const body = (id: number) => {
    const found = sections.find((section) => section.id === id);
    if (found === undefined) throw new Error(`a module without section ${id}`);
    return found;
  };
  const imports = countImports(body(SECTION.import).body);
  const { count: globals, variables } = readGlobals(body(SECTION.global).body, imports.globals);
  const names = new Map(
    sections.flatMap((section) => (section.id === SECTION.custom ? [...functionNames(section.body)] : [])),
  );
  const old = codeBodies(body(SECTION.code).body);
  const firstAdded = imports.functions + old.length;
  const [alloc, realloc, free] = Object.values(ALLOCATOR).map(
    (name) => [...names].find(([, known]) => known === name)?.[0],
  );
  const hasHeap = alloc !== undefined && free !== undefined;
  // The list of its blocks begins in the global before the counters.
  const head = globals + imports.globals;
  const added: Added[] = hasHeap ? heapFunctions({ alloc, free, first: firstAdded, head }) : [];
  const led = new Map(hasHeap ? [alloc, realloc, free].map((from, i) => [from, firstAdded + i]) : []);
  const code = new Counting(head + 1, led);
  const bodies = old.map((bytes, i) => code.body(bytes, imports.functions + i));
  const edges = code.functions.length;
  const all = [...added, { parameters: 1, results: 0, locals: 0, code: collectCode(code.firstCounter, edges) }];

  const types = items(body(SECTION.type).body);
  const functions = items(body(SECTION.function).body);
  body(SECTION.type).body = join(unsigned(types.count + all.length), types.rest, ...all.map(typeOf));
  body(SECTION.function).body = join(
    unsigned(functions.count + all.length),
    functions.rest,
    ...all.map((_, i) => unsigned(types.count + i)),
  );
  const globalSection = items(body(SECTION.global).body);
  const counter = Uint8Array.of(I32, MUTABLE, OP.i32Const, 0, OP.end);
  body(SECTION.global).body = join(
    unsigned(globalSection.count + edges + 1),
    globalSection.rest,
    ...Array.from({ length: edges + 1 }, () => counter),
  );
  const whole = [...bodies, ...all.map(bodyOf)];
  body(SECTION.code).body = join(unsigned(whole.length), ...whole.flatMap((bytes) => [unsigned(bytes.length), bytes]));
  const exported = items(body(SECTION.export).body);
  const kept = [...variables, { index: head, type: "number" as const }];
  body(SECTION.export).body = join(
    unsigned(exported.count + 1 + kept.length),
    exported.rest,
    exportOf("fuzz_collect", KIND.function, firstAdded + added.length),
    ...kept.map(({ index }, i) => exportOf(`${VARIABLE}${i}`, KIND.global, index)),
  );
  return {
    bytes: join(
      module.subarray(0, PREAMBLE),
      ...sections.flatMap(({ id, body: bytes }) => [Uint8Array.of(id), unsigned(bytes.length), bytes]),
    ),
    functions: code.functions,
    trapping: code.trapping,
    variables: kept.map(({ type }) => type),
    names,
    heap: hasHeap ? kept.length - 1 : undefined,
  };
}

function typeOf({ parameters, results }: Added): Uint8Array {
  const numbers = (count: number) => [count, ...new Array<number>(count).fill(I32)];
  return Uint8Array.of(0x60, ...numbers(parameters), ...numbers(results));
}

function bodyOf({ code, locals }: Added): Uint8Array {
  return join(locals === 0 ? Uint8Array.of(0) : Uint8Array.of(1, locals, I32), Uint8Array.from(code));
}

function exportOf(name: string, kind: number, index: number): Uint8Array {
  return join(unsigned(name.length), Buffer.from(name), Uint8Array.of(kind), unsigned(index));
}

/** Stores counter after counter at the address that is the argument, 32 bits each, and clears it. */
function collectCode(first: number, edges: number): number[] {
  const code: number[] = [];
  for (let i = 0; i < edges; i++) {
    const global = unsigned(first + i);
    code.push(OP.localGet, 0, OP.globalGet, ...global, OP.i32Store, 2, ...unsigned(i * 4));
    code.push(OP.i32Const, 0, OP.globalSet, ...global);
  }
  code.push(OP.end);
  return code;
}

/** Writes functions anew, with counters in them. */
class Counting {
  /** Of each counter, its function. */
  readonly functions: number[] = [];
  readonly trapping = new Set<number>();
  /** The counter behind which no other way was taken yet. */
  #straight = false;

  /** Calls of the functions of `led` go to others. */
  constructor(
    readonly firstCounter: number,
    private readonly led: ReadonlyMap<number | undefined, number>,
  ) {}

  #count(index: number): Uint8Array {
    const global = unsigned(this.firstCounter + this.functions.length);
    this.functions.push(index);
    this.#straight = true;
    return join(Uint8Array.of(OP.globalGet), global, Uint8Array.of(OP.i32Const, 1, OP.i32Add, OP.globalSet), global);
  }

  /** The body of the function of this number. */
  body(bytes: Uint8Array, index: number): Uint8Array {
    const reader = new WasmReader(bytes);
    for (let groups = reader.unsigned(); groups > 0; groups--) {
      reader.unsigned();
      reader.byte();
    }
    const parts = [bytes.subarray(0, reader.at), this.#count(index)];
    /** The open blocks: what begins them, whether they have results, whether a table leads to their end, an `else`. */
    const open = [{ op: OP.block, results: true, tabled: false, hasElse: false }];
    while (!reader.ended) {
      const start = reader.at;
      const op = reader.byte();
      if (op === OP.unreachable && this.#straight) this.trapping.add(this.functions.length - 1);
      if (BRANCHING.has(op)) this.#straight = false;
      if (op === OP.call) {
        const callee = reader.unsigned();
        parts.push(Uint8Array.of(op), unsigned(this.led.get(callee) ?? callee));
        continue;
      }
      if (op === OP.brIf) {
        const label = reader.unsigned();
        const target = open[open.length - 1 - label];
        if (target?.results) parts.push(bytes.subarray(start, reader.at));
        else
          parts.push(
            Uint8Array.of(OP.if, NO_RESULT),
            this.#count(index),
            Uint8Array.of(OP.br),
            unsigned(label + 1),
            Uint8Array.of(OP.end),
          );
        parts.push(this.#count(index));
        continue;
      }
      if (op === OP.block || op === OP.loop || op === OP.if) {
        const results = reader.byte() !== NO_RESULT;
        open.push({ op, results: op !== OP.loop && results, tabled: false, hasElse: false });
        parts.push(bytes.subarray(start, reader.at));
        if (op !== OP.block) parts.push(this.#count(index));
        continue;
      }
      if (op === OP.brTable) {
        for (let labels = reader.unsigned() + 1; labels > 0; labels--) {
          const target = open[open.length - 1 - reader.unsigned()];
          if (target !== undefined) target.tabled = true;
        }
      } else if (op !== OP.else && op !== OP.end) reader.immediates(op);
      if (op === OP.else) open.at(-1)!.hasElse = true;
      const closed = op === OP.end ? open.pop() : undefined;
      if (closed?.op === OP.if && !closed.hasElse) parts.push(Uint8Array.of(OP.else), this.#count(index));
      parts.push(bytes.subarray(start, reader.at));
      if (op === OP.else || (closed?.tabled && open.length > 0)) parts.push(this.#count(index));
    }
    return join(...parts);
  }
}

/** A section's items: how many, and their bytes. */
function items(body: Uint8Array): { count: number; rest: Uint8Array } {
  const reader = new WasmReader(body);
  const count = reader.unsigned();
  return { count, rest: body.subarray(reader.at) };
}

function codeBodies(body: Uint8Array): Uint8Array[] {
  const reader = new WasmReader(body);
  return Array.from({ length: reader.unsigned() }, () => reader.take(reader.unsigned()));
}

function countImports(body: Uint8Array): { functions: number; globals: number } {
  const reader = new WasmReader(body);
  const counts = { functions: 0, globals: 0 };
  for (let left = reader.unsigned(); left > 0; left--) {
    reader.take(reader.unsigned());
    reader.take(reader.unsigned());
    const kind = reader.byte();
    if (kind === 0) reader.unsigned();
    else if (kind === 2) {
      const limits = reader.byte();
      reader.unsigned();
      if (limits & 1) reader.unsigned();
    } else throw new Error(`an import of kind ${kind}`);
    if (kind === 0) counts.functions++;
  }
  return counts;
}

/** The module's own globals, and those of them that are variables. */
function readGlobals(body: Uint8Array, imported: number) {
  const reader = new WasmReader(body);
  const count = reader.unsigned();
  const variables: { index: number; type: "number" | "bigint" }[] = [];
  for (let i = 0; i < count; i++) {
    const type = reader.byte();
    if (reader.byte() === MUTABLE) {
      if (type === 0x7b) throw new Error("a variable that is a vector");
      variables.push({ index: imported + i, type: type === 0x7e ? "bigint" : "number" });
    }
    for (let op = reader.byte(); op !== OP.end; op = reader.byte()) reader.immediates(op);
  }
  return { count, variables };
}

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
