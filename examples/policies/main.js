// A host's own tool: boots an image under the policy that only knows kernels on a list, and has the files measured that the
// loader used. `npm start -- [IMAGE [POLICY]]`; exit status 1 when the policy said no, 2 when it is wrong itself.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { boot, printable } from "userboot-wasm";
import { loadLuaPolicy } from "userboot-wasm/policy";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const guest = fileURLToPath(new URL("images/amd64-ufs2-gpt.img.gz", import.meta.resolve("userboot-wasm/package.json")));
const [, , image = guest, file = here("allow-list.lua")] = process.argv;

try {
  const policy = loadLuaPolicy(readFileSync(file), file, {
    sha256: (bytes) => createHash("sha256").update(bytes).digest("hex"),
    log: (line) => console.error(printable(`policy: ${line}`)),
  });
  const { onEnvironment } = policy;
  const result = await boot({
    disks: [image],
    // The policy's hooks, and one of our own: variables of the host's, which win over the policy's.
    hooks: { ...policy, onEnvironment: (facts) => ({ ...onEnvironment?.(facts), boot_serial: "YES" }) },
    measure: true,
  });
  if (result.reason === "exec") {
    for (const { sha256, purpose, path } of result.measurements.files)
      console.log(printable(`${sha256} ${purpose} ${path}`));
    console.log(`files ${result.measurements.filesDigest}`);
  } else {
    console.error(printable(result.error?.message ?? `the loader quit (${result.exitCode})`));
    process.exitCode = 1;
  }
} catch (error) {
  console.error(printable(error.message));
  process.exitCode = 2;
}
