import { configDefaults, defineConfig } from "vitest/config";

/** Tests that hold sessions to their wall time: they have the machine to themselves, after the others. */
const TIMED = ["test/safety/endless.test.ts", "test/safety/limits.test.ts", "test/interp/lua/adversarial.test.ts"];

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 60_000,
    setupFiles: ["test/support/zero_check.ts"],
    projects: [
      {
        extends: true,
        test: {
          name: "tests",
          include: ["test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...TIMED],
          // Browsers, emulators and builds run beside the tests; more threads make them miss their times.
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      { extends: true, test: { name: "timed", include: TIMED, maxWorkers: 1, sequence: { groupOrder: 1 } } },
    ],
  },
});
