// Vitest as StrykerJS runs it in a copy of the project: the tests that fit, each file in a thread of its own, and the switch
// for sessions' threads and processes.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const tests: string[] = JSON.parse(process.env.MUTATION_TESTS ?? "[]");

export default defineConfig({
  test: {
    root: fileURLToPath(new URL("../..", import.meta.url)),
    include: tests.map((name) => `test/${name}.test.ts`),
    testTimeout: 60_000,
    hookTimeout: 90_000,
    setupFiles: ["mutation/host/switch.ts", "test/support/zero_check.ts"],
  },
});
