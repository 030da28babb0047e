// The core under fuzzing: one instance of an instrumented module, which is set back after every run to what it was when it
// had just started (its memory and its variables), with the host's own imports around it, whose arguments are looked at.

import { readFileSync } from "node:fs";
import { makeImports } from "../build/host/protocol/imports.js";
import type { SessionState } from "../build/host/state.js";
import { heapFault } from "./heap.js";
import { type Instrumented, instrument, VARIABLE } from "./instrument.js";
import { type Bounds, rangeCheck } from "./ranges.js";
import { MemoryTrees, type Trees } from "./trees.js";

const PAGE = 65536;
/** Bytes of a counter where they are collected. */
const COUNTER = 4;
/** Enough for what a module does when it starts. */
const START_FUEL = 1n << 40n;

/** What a module exports. */
export type CoreExports = Record<string, (...values: (number | bigint)[]) => number | bigint>;

type Import = (...values: (number | bigint | undefined)[]) => unknown;

/** An instrumented module, compiled. */
export interface Program extends Omit<Instrumented, "bytes"> {
  module: WebAssembly.Module;
}

/** A module of the core, with counters. */
export function programOf(plain: Uint8Array): Program {
  const { bytes, ...program } = instrument(plain);
  return { module: new WebAssembly.Module(bytes), ...program };
}

/** That of a file. */
export const readProgram = (path: string): Program => programOf(readFileSync(path));

/** A module that runs again and again. */
export class Machine {
  /** How often each edge was taken in the last run. Lent until the next one. */
  counters = new Uint32Array(0);
  /** Edges that are taken before all runs, when it starts. */
  started = new Uint32Array(0);
  /** What is wrong with its heap after the last run: of a module with names. */
  heapFault: string | undefined;
  readonly edges: number;
  #memory!: WebAssembly.Memory;
  #core!: CoreExports;
  #variables: WebAssembly.Global[] = [];
  #snapshot: Uint8Array | undefined;
  #values: (number | bigint)[] = [];
  #imports: Record<string, Record<string, Import>> = {};
  #bounds: Bounds = { memory: () => this.#memory.buffer.byteLength, disks: 0, overlay: 0 };

  constructor(
    readonly program: Program,
    private readonly startMemory: number,
    private readonly memoryLimit: number,
  ) {
    this.edges = program.functions.length;
    this.#start();
  }

  /** An instance that has just started. */
  #start(): void {
    const { module, variables } = this.program;
    const memory = new WebAssembly.Memory({ initial: this.startMemory / PAGE, maximum: this.memoryLimit / PAGE });
    const imports: WebAssembly.Imports = { env: { memory } };
    for (const { module: from, name, kind } of WebAssembly.Module.imports(module))
      if (kind === "function") imports[from] = { ...imports[from], [name]: this.#checked(from, name) };
    const exports = new WebAssembly.Instance(module, imports).exports;
    this.#memory = memory;
    this.#core = exports as CoreExports;
    this.#variables = variables.map((_, i) => exports[`${VARIABLE}${i}`] as WebAssembly.Global);
    this.#core.grantFuel!(START_FUEL);
    this.#core._start!();
    if (this.#snapshot === undefined) {
      const bytes = new Uint8Array(memory.buffer);
      this.#snapshot = bytes.slice(0, bytes.findLastIndex((byte) => byte !== 0) + 1);
      this.#values = this.#variables.map(({ value }) => value as number | bigint);
    }
    this.#core.fuzz_collect!(0);
    this.started = Uint32Array.from(new Uint32Array(memory.buffer, 0, this.edges), (count) => (count === 0 ? 0 : 1));
  }

  #checked(from: string, name: string): Import {
    const check = rangeCheck(name);
    return (...values) => {
      check(this.#bounds, values);
      return this.#imports[from]![name]!(...values);
    };
  }

  #setBack(): void {
    // Memory can't shrink.
    const grown = this.#memory.buffer.byteLength !== this.startMemory;
    if (grown) this.#start();
    const bytes = new Uint8Array(this.#memory.buffer);
    bytes.set(this.#snapshot!);
    // Of a new instance only the counters of its start are there besides.
    bytes.fill(0, this.#snapshot!.length, grown ? this.edges * COUNTER : undefined);
    for (const [i, value] of this.#values.entries()) this.#variables[i]!.value = value;
  }

  /** Bytes of its memory. */
  get size(): number {
    return this.#memory.buffer.byteLength;
  }

  /** Runs `body` on an instance that has just started, for `state`. What it throws comes through. */
  run(state: SessionState, body: (core: CoreExports, memory: WebAssembly.Memory) => void, trees?: Trees): void {
    this.#setBack();
    const files = trees === undefined ? undefined : new MemoryTrees(trees, this.#memory);
    this.#imports = makeImports(this.#memory, state, this.program.module, files) as never;
    this.#bounds.disks = state.disks.length;
    this.#bounds.overlay = state.options.overlay.length;
    try {
      body(this.#core, this.#memory);
    } finally {
      const { heap } = this.program;
      this.heapFault =
        heap === undefined ? undefined : heapFault(this.#memory.buffer, Number(this.#variables[heap]!.value));
      this.#core.fuzz_collect!(0);
      this.counters = new Uint32Array(this.#memory.buffer, 0, this.edges);
    }
  }
}
