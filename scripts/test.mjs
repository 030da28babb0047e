// npm test: prepares, tries to get the programs that some suites need, says which suites go without, and
// runs vitest and the replay of the recordings (npm run conformance). Arguments go to vitest, which then runs alone.
// With CI=true a missing program is a failure, and vitest's suites but the timed ones and those of other programs run
// on the other supported versions of Node, too. The last lines name the tests that failed; the very last counts all.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { prepare, root } from "./prepare.mjs";

/** Programs outside the project: where they are looked for, Debian's package, and the suites that use them; or how else to tell. */
const PROGRAMS = [
  { name: "chromium", package: "chromium", suites: "browser" },
  { name: "qemu-system-x86_64", package: "qemu-system-x86", suites: "machine (real CPU emulation)" },
  { name: "gdb", package: "gdb", suites: "core files in a debugger" },
  { name: "makefs", package: "makefs", suites: "generated file systems" },
  { name: "qemu-img", package: "qemu-utils", suites: "images of all formats as QEMU writes them" },
  { name: "mkfs.vfat", package: "dosfstools", suites: "FAT" },
  { name: "mcopy", package: "mtools", suites: "FAT" },
  { name: "mkfs.exfat", package: "exfatprogs", suites: "exFAT" },
  { name: "mke2fs", package: "e2fsprogs", suites: "ext2, ext3, ext4" },
  { name: "xorriso", package: "xorriso", suites: "Rock Ridge" },
  { name: "zstd", package: "zstd", suites: "zstd files" },
  { name: "lz4", package: "lz4", suites: "LZ4 files" },
  { name: "lua5.3", package: "lua5.3", suites: "Lua beside Debian's 5.3" },
  { name: "lua5.4", package: "lua5.4", suites: "Lua beside Debian's 5.4" },
  { name: "gforth", package: "gforth", suites: "Forth beside gforth" },
  { name: "gcc", package: "gcc libc6-dev", suites: "userboot-bhyve with a double of libvmmapi" },
  { name: "haproxy", package: "haproxy", suites: "services behind HAProxy" },
  {
    name: "libFuzzer of clang",
    package: "clang libclang-rt-dev",
    suites: "userboot-bhyve, fuzzed",
    there: () => {
      // Of a file that it hasn't clang says the name alone.
      const { stdout } = spawnSync("clang", ["-print-file-name=libclang_rt.fuzzer-x86_64.a"], { encoding: "utf8" });
      return stdout?.includes("/") === true;
    },
  },
  { name: "shellcheck", package: "shellcheck", suites: "the hook for libvirt" },
  { name: "bwrap", package: "bubblewrap", suites: "processes in bubblewrap" },
];
/** As much of a failure's message is repeated at the end. */
const MESSAGE = 600;
/** Supported versions of Node; npm's package `node` has their binaries. */
const NODES = [20, 22, 24];
/** What they run: not what needs other programs, what is timed or what tests the builds; the corpora of the core are replayed once. */
const NOT_ON_OTHER_NODES = ["e2e", "mutation", "scripts"];
const NOT_OF_FUZZ = "targets.test.ts";
const ON_OTHER_NODES = readdirSync(join(root, "test"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !NOT_ON_OTHER_NODES.includes(entry.name))
  .flatMap(({ name }) => (name === "fuzz" ? fuzzFiles() : [`test/${name}/`]));
function fuzzFiles() {
  const files = readdirSync(join(root, "test", "fuzz")).filter((file) => file.endsWith(".test.ts"));
  return files.filter((file) => file !== NOT_OF_FUZZ).map((file) => `test/fuzz/${file}`);
}
const PATHS = (process.env.PATH ?? "").split(":").concat("/usr/sbin", "/sbin", "/usr/local/sbin");
const inPath = (name) => PATHS.some((path) => existsSync(join(path, name)));
const missing = () => PROGRAMS.filter(({ name, there = () => inPath(name) }) => !there());

prepare();
if (missing().length > 0 && process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
  const packages = missing().flatMap((program) => program.package.split(" "));
  process.stderr.write(`installing ${packages.join(", ")}\n`);
  const apt = (...args) => spawnSync("apt-get", args, { stdio: ["ignore", 2, 2], timeout: 300_000 });
  apt("update", "-qq");
  apt("install", "-y", "-qq", "--no-install-recommends", ...packages);
}
for (const { name, suites } of missing())
  process.stderr.write(`\n*** SKIPPED, no ${name}: suites on ${suites} ***\n\n`);

const scratch = mkdtempSync(join(tmpdir(), "userboot-counts-"));
const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
let status = 0;
let passed = 0;
let failed = 0;
/** What failed, a line each: a log that was cut still says it. */
const failures = [];

/** Runs a program of the tests on `node`. It leaves its counts in the file named last; nothing when it can't even start. */
function run(node, ...args) {
  const file = join(scratch, "counts.json");
  rmSync(file, { force: true });
  const { status: ended } = spawnSync(node, [...args, file], { cwd: root, stdio: "inherit" });
  return { ended, counts: existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {} };
}

/** Takes in what a run came to. */
function count(node, { ended, counts }, program) {
  // Vitest's names, and those of the replay.
  const { numPassedTests = 0, numFailedTests = 0, numFailedTestSuites = 0 } = counts;
  const known = failures.length;
  for (const { name, message, assertionResults } of counts.testResults ?? []) {
    const lost = assertionResults.filter((test) => test.status === "failed");
    const lines = lost.map((test) => `${test.fullName}: ${test.failureMessages.join("\n")}`);
    // A file that can't be loaded has no tests, and a message.
    if (lines.length === 0 && message !== "") lines.push(message);
    if (hasDied({ assertionResults })) lines.push(`its process ended, on ${node}`);
    failures.push(...lines.map((line) => `${relative(root, name)}: ${line.slice(0, MESSAGE)}`));
  }
  if (ended !== 0 && failures.length === known)
    failures.push(`${program} on ${node}: status ${ended}, no test is named`);
  passed += counts.passed ?? numPassedTests;
  failed += counts.failed ?? Math.max(numFailedTests, Math.min(numFailedTestSuites, 1));
  if (ended !== 0) status = 1;
}

/** A file of tests whose process ended in the midst of them. */
const hasDied = ({ assertionResults }) => assertionResults.some((test) => test.status === "pending");

/**
 * Vitest on `node`. Node 20 can abort when a thread of it ends while its code is compiled in the background
 * (GetForegroundTaskRunner): files whose processes ended are run once more, and count when these end again.
 */
function suites(node, ...args) {
  const vitestRun = (...more) =>
    run(node, vitest, "run", ...more, "--reporter=default", "--reporter=json", "--outputFile.json");
  const first = vitestRun(...args);
  const died = (first.counts.testResults ?? []).filter(hasDied);
  if (died.length === 0) return count(node, first, "vitest");
  const files = died.map(({ name }) => relative(root, name));
  process.stderr.write(`\n*** the processes of ${files.join(", ")} ended; once more: ***\n\n`);
  const others = first.counts.testResults.filter((file) => !hasDied(file));
  const lost = first.counts.numFailedTests + first.counts.numFailedTestSuites;
  count(node, { ended: lost > 0 ? first.ended : 0, counts: { ...first.counts, testResults: others } }, "vitest");
  count(node, vitestRun(...files), "vitest");
}

/** Where npm keeps the binary of a version of Node. */
function binaryOf(major) {
  const words = ["exec", "--yes", `--package=node@${major}`, "--", "node", "-p", "process.execPath"];
  const { stdout } = spawnSync("npm", words, { cwd: scratch, encoding: "utf8", stdio: ["ignore", "pipe", 2] });
  return stdout?.trim() ?? "";
}

const filters = process.argv.slice(2);
suites(process.execPath, ...filters);
const replay = [join("scripts", "conformance.mjs"), "--json"];
if (filters.length === 0) count(process.execPath, run(process.execPath, ...replay), replay[0]);
if (filters.length === 0 && process.env.CI === "true") {
  for (const major of NODES.filter((version) => version !== Number.parseInt(process.versions.node, 10))) {
    const node = binaryOf(major);
    const { stdout } = spawnSync(node, ["--version"], { encoding: "utf8" });
    if (stdout?.startsWith(`v${major}.`)) {
      process.stderr.write(`\n*** on Node ${stdout.trim()} ***\n`);
      suites(node, "--project", "tests", ...ON_OTHER_NODES);
    } else {
      process.stderr.write(`\n*** npm gives no Node ${major} ***\n`);
      failed++;
    }
  }
}
rmSync(scratch, { recursive: true, force: true });

if (process.env.CI === "true" && missing().length > 0) {
  process.stderr.write(`programs missing in CI: ${missing().map(({ name }) => name)}\n`);
  status = 1;
}
for (const failure of failures) console.log(`\nFAILED ${failure}`);
if (status !== 0) failed = Math.max(failed, 1);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : status;
