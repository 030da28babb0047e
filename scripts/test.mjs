// npm test: prepares, tries to get the programs that some suites need, says which suites go without, and
// runs vitest and the replay of the recordings (npm run conformance). With CI=true a missing program is a failure.
// Arguments go to vitest, which then runs alone. The last line counts all tests.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepare, root } from "./prepare.mjs";

/** Programs outside the project: where they are looked for, Debian's package, and the suites that use them. */
const PROGRAMS = [
  { name: "chromium", package: "chromium", suites: "browser" },
  { name: "qemu-system-x86_64", package: "qemu-system-x86", suites: "machine (real CPU emulation)" },
  { name: "gdb", package: "gdb", suites: "core files in a debugger" },
  { name: "makefs", package: "makefs", suites: "generated file systems" },
];
const PATHS = (process.env.PATH ?? "").split(":").concat("/usr/sbin", "/sbin", "/usr/local/sbin");
const missing = () => PROGRAMS.filter(({ name }) => !PATHS.some((path) => existsSync(join(path, name))));

prepare();
if (missing().length > 0 && process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
  const packages = missing().map((program) => program.package);
  process.stderr.write(`installing ${packages.join(", ")}\n`);
  const apt = (...args) => spawnSync("apt-get", args, { stdio: ["ignore", 2, 2], timeout: 300_000 });
  apt("update", "-qq");
  apt("install", "-y", "-qq", "--no-install-recommends", ...packages);
}
for (const { name, suites } of missing())
  process.stderr.write(`\n*** SKIPPED, no ${name}: suites on ${suites} ***\n\n`);

const scratch = mkdtempSync(join(tmpdir(), "userboot-counts-"));
const node = (...args) => spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status ?? 1;
/** What a program left in `file`; nothing when it failed before. */
const report = (file) => (existsSync(join(scratch, file)) ? JSON.parse(readFileSync(join(scratch, file), "utf8")) : {});

const filters = process.argv.slice(2);
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const outputs = ["--reporter=default", "--reporter=json", `--outputFile.json=${join(scratch, "vitest")}`];
let status = node(vitest, "run", ...outputs, ...filters);
if (filters.length === 0) {
  status = node(join("scripts", "conformance.mjs"), "--json", join(scratch, "conformance")) || status;
}
const { numPassedTests = 0, numFailedTests = 0, numFailedTestSuites = 0 } = report("vitest");
const replayed = report("conformance");
rmSync(scratch, { recursive: true, force: true });

if (process.env.CI === "true" && missing().length > 0) {
  process.stderr.write(`programs missing in CI: ${missing().map(({ name }) => name)}\n`);
  status = 1;
}
const passed = numPassedTests + (replayed.passed ?? 0);
const failed = Math.max(numFailedTests, Math.min(numFailedTestSuites, 1)) + (replayed.failed ?? 0);
console.log(`\n${passed} passed, ${status === 0 ? failed : Math.max(failed, 1)} failed`);
process.exitCode = status;
