// The sandbox's surface as loader-wasm/protocol.ts declares it: the one place where names, types and constants stand.
// Stand-ins for the core are compiled with its declarations; the host's side and docs/imports.md are compared with it.

import { readFileSync } from "node:fs";

const SOURCE = readFileSync(new URL("../../loader-wasm/protocol.ts", import.meta.url), "utf8");

/** One import. */
export interface Import {
  module: string;
  name: string;
  /** `name: type`, in order. */
  parameters: string[];
  result: string;
  /** `name(parameters): result`. */
  signature: string;
}

/** All imports, in the order of the file. */
export const IMPORTS: readonly Import[] = [
  ...SOURCE.matchAll(
    /@external\("(?<module>\w+)", "(?<name>\w+)"\)\s*export declare function \w+\((?<list>[^)]*)\): (?<result>\w+);/g,
  ),
].map(({ groups }) => {
  const { module, name, list, result } = groups as Record<"module" | "name" | "list" | "result", string>;
  const parameters = list.split(",").flatMap((parameter) => (parameter.trim() === "" ? [] : [parameter.trim()]));
  return { module, name, parameters, result, signature: `${name}(${parameters.join(", ")}): ${result}` };
});

/** All constants by name. */
export const CONSTANTS: Readonly<Record<string, bigint>> = Object.fromEntries(
  [...SOURCE.matchAll(/^export const (\w+): (\w+) = ([^;]+);/gm)].map(([, name, , value]) => [
    name!,
    value === "u64.MAX_VALUE" ? (1n << 64n) - 1n : BigInt(value!.startsWith("-") ? Number(value) : value!),
  ]),
);

/** The declarations, for a module that is compiled without the core. */
export const DECLARATIONS = IMPORTS.map(
  ({ module, name, signature }) => `@external("${module}", "${name}") declare function ${signature};`,
).join("\n");
