// A module that does nothing but hand calls on: it imports all that the sandbox has and exports it again, so that arguments and
// results become what they are for a real module. Its memory is given to it.

import { IMPORTS, type Import } from "../../test/support/abi.js";
import { functionType, moduleOf, section, text, unsigned, vector } from "./module.js";

/** The kinds of values that an import has. */
export type ValueType = "i32" | "i64";

/** What a declared type is to the machine. */
export function valueType(declared: string): ValueType {
  return /64$/.test(declared) ? "i64" : "i32";
}

/** Types of an import's parameters. */
export const parametersOf = ({ parameters }: Import): ValueType[] =>
  parameters.map((parameter) => valueType(parameter.split(":")[1]!.trim()));

/** The type of an import, encoded. */
export const importType = (entry: Import): number[] =>
  functionType(parametersOf(entry), entry.result === "void" ? [] : [valueType(entry.result)]);

/** The section of a module that imports all that the sandbox has, by types of the same numbers, and its memory. */
export const importSection = (pages: number): number[] =>
  section(
    2,
    vector([
      [...text("env"), ...text("memory"), 2, 0, ...unsigned(pages)],
      ...IMPORTS.map(({ module, name }, i) => [...text(module), ...text(name), 0, ...unsigned(i)]),
    ]),
  );

/** The module; `pages` is what its memory has at least. */
export function trampoline(pages: number): WebAssembly.Module {
  const exports = [[...text("memory"), 2, 0], ...IMPORTS.map(({ name }, i) => [...text(name), 0, ...unsigned(i)])];
  return moduleOf([section(1, vector(IMPORTS.map(importType))), importSection(pages), section(7, vector(exports))]);
}
