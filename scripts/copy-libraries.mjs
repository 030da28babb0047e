// Copies what browsers load as it is beside the compiled host: they know no packages, unless a bundler or an
// import map tells them. Then makes the programs. Part of the host's build.
import { copyFileSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { makePrograms } from "./make-programs.mjs";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const LIBRARY = "node_modules/@wasmer/wasi";
const TARGET = "build/host/vendor";

mkdirSync(TARGET, { recursive: true });
copyFileSync(`${LIBRARY}/dist/Library.esm.min.js`, `${TARGET}/wasmer_wasi.js`);
copyFileSync(`${LIBRARY}/LICENSE`, `${TARGET}/wasmer_wasi.LICENSE`);

await makePrograms();
