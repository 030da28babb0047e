// Vitest in a copy of the project with a mutant (copy.mjs): the tests that fit, in the order of their table, to the first that
// fails.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { QUICK } from "./core/tables.mjs";

const tests: string[] = JSON.parse(process.env.MUTATION_TESTS ?? "[]");
const place = ({ moduleId }: TestSpecification) => tests.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));

class InOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((one, other) => place(one) - place(other));
  }
}

export default defineConfig({
  cacheDir: "build/vite",
  test: {
    root: fileURLToPath(new URL("..", import.meta.url)),
    include: tests.map((name) => `test/${name}.test.ts`),
    testTimeout: 60_000,
    hookTimeout: 90_000,
    maxWorkers: 1,
    pool: "threads",
    bail: 1,
    testNamePattern: QUICK,
    setupFiles: ["test/support/zero_check.ts"],
    sequence: { sequencer: InOrder },
  },
});
