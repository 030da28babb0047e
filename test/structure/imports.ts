// The import graph of a directory of TypeScript sources, and the circles in it.

import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What each file imports, within the directory; paths are from there. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** `import ... from`, `export ... from`, `import "..."` and `import("...")` of relative paths. */
const IMPORT = /\b(?:from|import)\s*\(?\s*"(\.{1,2}\/[^"]+)"/g;

/** The graph of `directory`, a path in the repository. */
export function importsOf(directory: string): ImportGraph {
  const files = readdirSync(`${ROOT}${directory}`, { recursive: true, encoding: "utf8" })
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => name.endsWith(".ts"))
    .sort();
  return new Map(
    files.map((file) => {
      const text = readFileSync(`${ROOT}${directory}/${file}`, "utf8");
      const targets = [...text.matchAll(IMPORT)].map(([, path]) => {
        const target = posix.join(posix.dirname(file), path ?? "").replace(/\.js$/, "");
        return target.endsWith(".ts") ? target : `${target}.ts`;
      });
      return [file, [...new Set(targets)].filter((target) => files.includes(target))];
    }),
  );
}

/** The circles: groups of files (strongly connected components) each of which reaches all others by its imports. */
export function circlesIn(graph: ImportGraph): string[][] {
  const circles: string[][] = [];
  const numbers = new Map<string, number>();
  const lowest = new Map<string, number>();
  const path: string[] = [];
  // Tarjan's algorithm.
  const visit = (file: string): void => {
    numbers.set(file, numbers.size);
    lowest.set(file, numbers.get(file) ?? 0);
    path.push(file);
    for (const target of graph.get(file) ?? []) {
      if (!numbers.has(target)) visit(target);
      else if (!path.includes(target)) continue;
      lowest.set(file, Math.min(lowest.get(file) ?? 0, lowest.get(target) ?? 0));
    }
    if (lowest.get(file) !== numbers.get(file)) return;
    const group = path.splice(path.indexOf(file));
    if (group.length > 1 || graph.get(file)?.includes(file)) circles.push(group.sort());
  };
  for (const file of graph.keys()) if (!numbers.has(file)) visit(file);
  return circles;
}
