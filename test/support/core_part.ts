// Parts of the core by themselves, for what has no shorter way to it than a pool or a file system: functions from memory to
// memory, compiled into a module of their own.

import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** A compiled part: what it exports, and its memory. */
export interface CorePart {
  exports: Record<string, (...args: (number | bigint)[]) => number>;
  memory: WebAssembly.Memory;
  /** Address of a block of `size` bytes that lasts. */
  allocate(size: number): number;
}

/** Compiles an entry of these lines, whose imports are relative to loader-wasm/. */
export async function corePart(lines: string, target: "debug" | "release" = "debug"): Promise<CorePart> {
  let binary: Uint8Array<ArrayBuffer> | undefined;
  const entry = "loader-wasm/part.ts";
  const { readFileSync } = await import("node:fs");
  const source = `${lines}\nexport { allocate } from "./lib/fault";\nexport { grantFuel } from "./lib/fault";\n`;
  const { error, stderr } = await asc.main([entry, "--target", target, "--outFile", "part.wasm"], {
    readFile: (name: string) => {
      if (name === entry) return source;
      try {
        return readFileSync(`${ROOT}/${name}`, "utf8");
      } catch {
        return null;
      }
    },
    writeFile: (name: string, contents: string | Uint8Array) => {
      if (name === "part.wasm") binary = contents as Uint8Array<ArrayBuffer>;
    },
    listFiles: () => [],
  });
  if (error || binary === undefined) throw new Error(`part of the core does not compile: ${stderr.toString()}`);
  const module = await WebAssembly.compile(binary);
  const memory = new WebAssembly.Memory({ initial: 16, maximum: 4096 });
  const imports: WebAssembly.Imports = { env: { memory } };
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (kind !== "function") continue;
    imports[from] = { ...imports[from], [name]: () => 0 };
  }
  const { exports } = await WebAssembly.instantiate(module, imports);
  (exports._start as () => void)();
  const part = exports as CorePart["exports"];
  part.grantFuel?.(1n << 62n);
  return { exports: part, memory, allocate: (size) => part.allocate?.(size) ?? 0 };
}
