// npm run conformance: builds what is out of date and runs test/conformance/main.ts; arguments go to it.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { prepare, root, run } from "./prepare.mjs";

prepare();
run(process.execPath, [join("node_modules", "typescript", "bin", "tsc"), "-p", join("test", "conformance")]);
const main = join(root, "build", "conformance", "main.js");
const { status } = spawnSync(process.execPath, [main, ...process.argv.slice(2)], { stdio: "inherit" });
process.exitCode = status ?? 1;
