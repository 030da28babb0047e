// Vitest as StrykerJS runs it in a copy of the project: the tests that fit, in the order of their table, each file in a thread of
// its own, and the switch for sessions' threads and processes.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const tests: string[] = JSON.parse(process.env.MUTATION_TESTS ?? "[]");
const place = ({ moduleId }: TestSpecification) => tests.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));

/** The first that fails ends a mutant: quick tests come first. */
class InOrder extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return files.toSorted((one, other) => place(one) - place(other));
  }
}

export default defineConfig({
  test: {
    root: fileURLToPath(new URL("../..", import.meta.url)),
    include: tests.map((name) => `test/${name}.test.ts`),
    testTimeout: 60_000,
    hookTimeout: 90_000,
    sequence: { sequencer: InOrder },
    setupFiles: ["mutation/host/switch.ts", "test/support/zero_check.ts"],
  },
});
