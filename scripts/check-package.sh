#!/bin/sh
# Packs the package, installs it into an empty project without development packages and boots a guest with
# it, through the API and the command line. Packing builds (prepack); what is packed must be release builds.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root"
npm pack --silent --pack-destination "$work" >"$work/packed"
gunzip -c images/amd64-ufs2-gpt.img.gz >"$work/guest.img"
cd "$work"
echo '{"private":true,"type":"module"}' >package.json
npm install --silent --no-audit --no-fund "./$(tail -n 1 packed)"
cat >check.mjs <<'END'
import { readdirSync, readFileSync } from "node:fs";
import { boot } from "userboot-wasm";
const build = "node_modules/userboot-wasm/build";
for (const name of readdirSync(build).filter((name) => /^userboot_.*\.wasm$/.test(name))) {
  const module = new WebAssembly.Module(readFileSync(`${build}/${name}`));
  if (WebAssembly.Module.customSections(module, "name").length > 0) throw new Error(`${name} is a debug build`);
}
const { reason, arch, error } = await boot({ disks: ["guest.img"], start: "simp", interfaceVersion: 4, clock: "virtual" });
if (reason !== "exec" || arch !== "amd64") throw new Error(`API: ${reason} ${error?.message}`);
END
node check.mjs
npx userboot boot -d guest.img --start simp --interface 4 --clock virtual >console.txt
grep -q 'User boot simp' console.txt
npx userboot inspect -d guest.img >inspected.txt
grep -q 'will boot: disk0p2:' inspected.txt
echo "the packed package boots a guest"
