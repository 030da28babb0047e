// npm run fuzz -- TARGET|all --minutes N ...: builds what is out of date and runs the program of fuzz/ (docs/fuzzing.md).
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { FUZZED } from "./core.mjs";
import { prepare, root, run } from "./prepare.mjs";

prepare("release");
run(process.execPath, ["scripts/build-core.mjs", ...FUZZED]);
const { buildFuzz } = await import("./build-fuzz.mjs");
await buildFuzz();
const { status } = spawnSync(process.execPath, [join(root, "build", "fuzz", "main.js"), ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exitCode = status ?? 1;
