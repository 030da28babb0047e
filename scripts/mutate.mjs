// npm run mutate -- host|core|named ...: builds what is out of date and runs mutation/main.mjs (docs/mutation.md).
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { prepare, root } from "./prepare.mjs";

prepare();
const { status } = spawnSync(process.execPath, [join(root, "mutation", "main.mjs"), ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exitCode = status ?? 1;
