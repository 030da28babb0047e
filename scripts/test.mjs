// npm test: prepares, tries to get the programs that some suites need, says which suites go without, and
// runs vitest. With CI=true a missing program is a failure. Arguments go to vitest.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { prepare, root } from "./prepare.mjs";

/** Programs outside the project: where they are looked for, Debian's package, and the suites that use them. */
const PROGRAMS = [
  { name: "chromium", package: "chromium", suites: "browser" },
  { name: "qemu-system-x86_64", package: "qemu-system-x86", suites: "machine (real CPU emulation)" },
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

const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
const { status } = spawnSync(process.execPath, [vitest, "run", ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
});
process.exitCode = status ?? 1;
if (process.env.CI === "true" && missing().length > 0) {
  process.stderr.write(`programs missing in CI: ${missing().map(({ name }) => name)}\n`);
  process.exitCode = 1;
}
