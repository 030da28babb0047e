// Names of a module's functions, from the section of names that an unoptimized build has (WebAssembly core specification,
// appendix "Custom Sections").

import { WasmReader } from "./wasm_reader.js";

const FUNCTION_NAMES = 1;

/** The names of functions, by their numbers, in a custom section; none in any section but the one for them. */
export function functionNames(section: Uint8Array): Map<number, string> {
  const reader = new WasmReader(section);
  const text = (from: WasmReader) => Buffer.from(from.take(from.unsigned())).toString();
  const names = new Map<number, string>();
  if (text(reader) !== "name") return names;
  while (!reader.ended) {
    const kind = reader.byte();
    const part = new WasmReader(reader.take(reader.unsigned()));
    if (kind !== FUNCTION_NAMES) continue;
    for (let count = part.unsigned(); count > 0; count--) names.set(part.unsigned(), text(part));
  }
  return names;
}
