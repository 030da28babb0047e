// Where things are in the repository, whether the program is built (build/fuzz/) or run by the tests (fuzz/).

import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

function findRoot(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, "asconfig.json"))) return folder;
    if (folder === dirname(folder)) throw new Error("not in the repository");
  }
}

const ROOT = findRoot();

export const inRepository = (path: string): string => join(ROOT, path);
export const CORPUS = inRepository("fuzz/corpus");
export const FINDINGS = inRepository("fuzz/findings");
