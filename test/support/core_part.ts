// Parts of the core by themselves: functions from memory to memory, which a whole session reaches only by way of a pool or a
// file system, compiled into a module of their own.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const ENTRY = "loader-wasm/part.ts";
const MODULE = "part.wasm";
/** Bytes before and behind what a function works on. */
const GUARD = 64;

/** A function of the core: addresses and sizes in, a number or a truth out. */
type CoreFunction = (...args: (number | bigint)[]) => number;

/** A compiled part. */
export class CorePart {
  readonly #memory: WebAssembly.Memory;
  readonly #exports: Record<string, CoreFunction>;

  constructor(memory: WebAssembly.Memory, exports: Record<string, CoreFunction>) {
    this.#memory = memory;
    this.#exports = exports;
    this.call("grantFuel", 1n << 62n);
  }

  /** Calls what it exports by this name. */
  call(name: string, ...args: (number | bigint)[]): number {
    const known = this.#exports[name];
    if (known === undefined) throw new Error(`the part has no ${name}`);
    return known(...args);
  }

  /** Calls `use` with the address of a copy of `bytes`, which has `guard` bytes on both sides, and checks that those stay. */
  borrow<T>(bytes: Uint8Array, guard: number, use: (at: number) => T): T {
    const size = bytes.length + 2 * GUARD;
    const block = this.call("allocate", size);
    const view = () => new Uint8Array(this.#memory.buffer, block, size);
    view().fill(guard);
    view().set(bytes, GUARD);
    const result = use(block + GUARD);
    const around = [...view().subarray(0, GUARD), ...view().subarray(size - GUARD)];
    this.call("release", block);
    if (around.some((byte) => byte !== guard)) throw new Error("bytes beside the block were changed");
    return result;
  }

  /** A copy of memory. */
  read(at: number, size: number): Buffer {
    return Buffer.from(this.#memory.buffer.slice(at, at + size));
  }
}

/** SHA-256 of `size` bytes at `src` of the memory to `dst`, as the core's import makes it. */
type HostSha256 = (memory: Uint8Array, src: number, size: number, dst: number) => number;

const ENOSYS = 78;
const noSha256: HostSha256 = () => ENOSYS;

/** Compiles these lines, whose imports are relative to loader-wasm/, as the core is compiled for debugging. */
export async function corePart(lines: string): Promise<CorePart> {
  return startPart(await compilePart(lines));
}

/** Starts a compiled part, on a host that makes digests or doesn't. */
export async function startPart(module: WebAssembly.Module, sha256 = noSha256): Promise<CorePart> {
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 4096 });
  const imports: WebAssembly.Imports = { env: { memory } };
  // Reports of damage, and looks at the clock.
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module))
    if (kind === "function") imports[from] = { ...imports[from], [name]: () => 0 };
  imports.userboot = {
    ...imports.userboot,
    sha256: (src: number, size: number, dst: number) => sha256(new Uint8Array(memory.buffer), src, size, dst),
  };
  const { exports } = await WebAssembly.instantiate(module, imports);
  (exports as Record<string, CoreFunction>)._start?.();
  return new CorePart(memory, exports as Record<string, CoreFunction>);
}

/** The same, not started yet. */
export async function compilePart(lines: string): Promise<WebAssembly.Module> {
  const source = `${lines}
export { allocate, grantFuel } from "./lib/fault";
export function release(block: usize): void { heap.free(block); }
`;
  let binary: Uint8Array<ArrayBuffer> | undefined;
  const { error, stderr } = await asc.main([ENTRY, "--target", "debug", "--outFile", MODULE], {
    readFile: (name) => {
      if (name === ENTRY) return source;
      try {
        return readFileSync(join(ROOT, name), "utf8");
      } catch {
        // One of several places where the compiler looks.
        return null;
      }
    },
    writeFile: (name, contents) => {
      if (name === MODULE) binary = contents as Uint8Array<ArrayBuffer>;
    },
    listFiles: () => [],
  });
  if (error || binary === undefined) throw new Error(`part of the core does not compile: ${stderr.toString()}`);
  return WebAssembly.compile(binary);
}
