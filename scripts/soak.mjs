// npm run soak [SESSIONS] [--hostile [--seed N] | --corpus]: builds what is out of date and runs a program of test/soak; the other
// arguments go to it.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { prepare, root, run } from "./prepare.mjs";

prepare();
run(process.execPath, [join("node_modules", "typescript", "bin", "tsc"), "-p", join("test", "soak")]);
const KINDS = ["--hostile", "--corpus"];
const words = process.argv.slice(2).filter((word) => !KINDS.includes(word));
const kind = KINDS.find((word) => process.argv.includes(word)) ?? "--plain";
const program = `${kind.slice(2)}_sessions.js`;
const { status } = spawnSync(process.execPath, [join(root, "build", "soak", program), ...words], { stdio: "inherit" });
process.exitCode = status ?? 1;
