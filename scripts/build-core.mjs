// Compiles the core: one module per flavour, build/userboot_FLAVOUR.wasm. `--target debug` adds names and
// source maps; names of flavours limit the build to them.
import { existsSync, mkdirSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const FLAVOURS = ["simp", "4th", "lua"];
/** More options of the compiler: interpreters are many small functions, which gain a sixth and more by being inlined. */
const OPTIONS = { "4th": ["--shrinkLevel", "0"], lua: ["--shrinkLevel", "0"] };
const target = process.argv.includes("--target") ? process.argv[process.argv.indexOf("--target") + 1] : "release";
const asked = process.argv.slice(2).filter((word) => FLAVOURS.includes(word));

mkdirSync("build", { recursive: true });
for (const flavour of asked.length > 0 ? asked : FLAVOURS) {
  const root = `loader-wasm/userboot_${flavour}.ts`;
  if (!existsSync(root)) continue;
  const output = `build/userboot_${flavour}.wasm`;
  const { error, stderr } = await asc.main([
    root,
    "--target",
    target,
    "--outFile",
    output,
    ...(target === "release" ? (OPTIONS[flavour] ?? []) : []),
  ]);
  process.stderr.write(stderr.toString());
  if (error) {
    process.stderr.write(`${root}: ${error.message}\n`);
    process.exit(1);
  }
  console.log(`${output}: ${statSync(output).size} bytes`);
}
