// npm run build: what is out of date of the core and the host, side by side. Arguments go to the core's build; without
// any it is a release build.
import { spawn } from "node:child_process";
import { root } from "./core.mjs";

const { node: version } = process.versions;
const [major, minor] = version.split(".").map(Number);
if (major < 20 || (major === 20 && minor < 19) || major === 21 || (major === 22 && minor < 12)) {
  console.error(`building needs Node.js 20.19, 22.12 or newer, this is ${version} (the built package runs on 20.9)`);
  process.exit(1);
}

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
