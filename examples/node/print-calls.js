// An adapter for a VMM that is a library: hands a booted guest to it call by call. The library here only
// prints what it is asked; with a real one, replace `vmm`. `npm run print-calls -- [IMAGE]`

import { fileURLToPath } from "node:url";
import { boot, memoryMap, printable } from "userboot-wasm";

/** The calls such libraries have. */
const vmm = {
  create: (memory) => console.log(`create(memory ${memory})`),
  write: (gpa, bytes) => console.log(`write(0x${gpa.toString(16)}, ${bytes.length} bytes)`),
  setRegister: (name, value) => console.log(`setRegister(${name}, ${value})`),
  setDescriptor: (name, base, limit, access) => console.log(`setDescriptor(${name}, ${base}, ${limit}, ${access})`),
  run: () => console.log("run()"),
};

/** What a new adapter consists of. */
function handOver(result) {
  const { guestMemory, registers, gdt } = result;
  vmm.create(guestMemory.low + guestMemory.high);
  for (const [start, end] of guestMemory.written) vmm.write(start, guestMemory.bytes.subarray(start, end));
  if (gdt) vmm.write(Number(gdt.gpa), Buffer.from(gdt.hex, "hex"));
  for (const [name, value] of Object.entries(registers)) {
    if (name.endsWith("_desc")) vmm.setDescriptor(name.slice(0, -5), ...value);
    else if (name === "gdtr") vmm.setDescriptor(name, ...value, 0);
    else vmm.setRegister(name, value);
  }
  vmm.run();
}

const memory = 256 * 2 ** 20;
const guest = new URL("images/i386-ufs1-mbr.img.gz", import.meta.resolve("userboot-wasm/package.json"));
const disk = process.argv[2] ?? fileURLToPath(guest);
const result = await boot({ disks: [disk], memory, map: memoryMap("bhyve", memory), clock: "virtual" });
if (result.reason === "exec") handOver(result);
else console.error(printable(result.error?.message ?? "the loader quit"));
