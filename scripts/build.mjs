// npm run build: what is out of date of the core and the host, side by side. Arguments go to the core's build; without
// any it is a release build.
import { spawn } from "node:child_process";
import { root } from "./core.mjs";

const node = (...args) =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", 2, 2] });
    child.once("error", reject).once("close", resolve);
  });
const statuses = await Promise.all([
  node("scripts/build-core.mjs", ...process.argv.slice(2)),
  node("scripts/build-host.mjs"),
]);
process.exitCode = statuses.find((status) => status !== 0) ?? 0;
