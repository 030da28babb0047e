// Embedding in Node: boots an image given on the command line (else the project's own guest), with the guest's
// console on standard output, a time limit, and a way out (Ctrl-C). `npm start -- [IMAGE]`

import { fileURLToPath } from "node:url";
import { AbortedError, boot, printable } from "userboot-wasm";

const [, , path] = process.argv;
const guest = new URL("images/amd64-ufs2-gpt.img.gz", import.meta.resolve("userboot-wasm/package.json"));
const abort = new AbortController();
process.once("SIGINT", () => abort.abort());

try {
  const result = await boot({
    disks: [path ?? fileURLToPath(guest)],
    memory: 256 * 2 ** 20,
    env: ["boot_serial=1"],
    console: { write: (bytes) => process.stdout.write(bytes) },
    limits: { wallMs: 60_000 },
    signal: abort.signal,
  });
  if (result.reason === "exec") {
    console.log(`\nkernel entered at ${result.registers?.rip}`);
    for (const { name, address, size } of result.modules) console.log(printable(`${address} ${name}, ${size} bytes`));
  } else {
    // The guest has a say in such texts: none of it acts on the terminal.
    console.log(`\nno kernel: ${printable(result.error?.message ?? `the loader quit (${result.exitCode})`)}`);
    process.exitCode = 1;
  }
} catch (error) {
  // Only what the caller does is thrown: a missing file, a wrong option, an abort.
  console.error(error instanceof AbortedError ? "interrupted" : error.message);
  process.exitCode = 2;
}
