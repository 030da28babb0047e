// Records of linker.hints that tell which devices modules are for, and a file of them with a table of every kind.

const [MODULE, VERSION, PNP] = [2, 3, 4] as const;

/** A record: texts behind their length, numbers at multiples of 4. */
function record(type: number, ...fields: (number | string)[]): Buffer {
  const bytes: number[] = [type, 0, 0, 0];
  const fill = () => bytes.push(...Array<number>(-bytes.length & 3).fill(0));
  for (const field of fields) {
    if (typeof field === "string") {
      bytes.push(field.length, ...Buffer.from(field));
      continue;
    }
    fill();
    bytes.push(...new Uint8Array(new Int32Array([field]).buffer));
  }
  fill();
  return Buffer.concat([Buffer.from(new Int32Array([bytes.length]).buffer), Buffer.from(bytes)]);
}

const NETWORK = "I:vendor;J:device;D:#;";

/** A table of every kind. */
export const DEVICE_HINTS = Buffer.concat([
  Buffer.from([1, 0, 0, 0]),
  record(MODULE, "mem", "kernel"),
  record(PNP, "pci", "I:vendor;", 1, 0x9999),
  record(MODULE, "em", "if_em.ko"),
  record(VERSION, "em", 1, "if_em.ko"),
  record(PNP, "pci", NETWORK, 2, 0x8086, 0x100e, "first", 0x8086, 0x100f, "second"),
  record(MODULE, "any", "any.ko"),
  record(PNP, "pci", NETWORK, 1, 0x1022, -1, "all of them"),
  record(MODULE, "uart", "uart.ko"),
  record(PNP, "simplebus", "Z:compat;P:#;", 0),
  record(PNP, "simplebus", "Z:compat;", 2, "ns8250", "ns16550"),
  record(MODULE, "range", "range.ko"),
  record(PNP, "acpi", "G:low;L:high;T:class=7;", 1, 10, 20),
  record(MODULE, "masked", "masked.ko"),
  // Bits of fields behind it: the first of them counts, the second doesn't.
  record(PNP, "isa", "M:mask;I:a;I:b;", 1, 1, 5, 6),
  record(MODULE, "mouse", "ums.ko"),
  record(PNP, "usb", "I:vendor;", 1, 3),
]);

/** A module, and one table of devices. */
export const deviceHints = (module: readonly string[], table: readonly (number | string)[]): Buffer =>
  Buffer.concat([Buffer.from([1, 0, 0, 0]), record(MODULE, ...module), record(PNP, ...table)]);

/** One that says which version the kernel has. */
export const kernelHints = (version: number): Buffer =>
  Buffer.concat([Buffer.from([1, 0, 0, 0]), record(VERSION, "kernel", version)]);
