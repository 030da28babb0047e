// Makes build/fuzz/ of the TypeScript in fuzz/ and the tests' builders of images: one file, beside the compiled host,
// which stays where it is.
import { join, relative } from "node:path";
import { build } from "esbuild";
import { root } from "./core.mjs";

const OUT = join(root, "build", "fuzz");

/** The host's modules, the package's own name and other packages are found when the program runs. */
const apart = {
  name: "apart",
  setup({ onResolve }) {
    onResolve({ filter: /(^|\/)build\/host\// }, ({ path }) => {
      const place = join(root, path.replace(/^.*(build\/host\/)/, "$1"));
      return { path: relative(OUT, place).replaceAll("\\", "/"), external: true };
    });
  },
};

/** Builds the program. */
export async function buildFuzz() {
  await build({
    absWorkingDir: root,
    entryPoints: ["fuzz/main.ts"],
    outdir: "build/fuzz",
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    plugins: [apart],
    logLevel: "warning",
  });
}
