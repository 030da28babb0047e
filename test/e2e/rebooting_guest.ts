// A guest that runs for the tests of `userboot run`: its kernel counts on the first IDE disk how often it was started,
// says so on COM1, and resets the machine until it is powered off the third time. The first reset is the keyboard
// controller's, the second a triple fault.

import { linkedFile } from "../support/elf_image.js";
import { bytesOf } from "../support/sparse_disk.js";
import { ufsDisk } from "../support/ufs_image.js";

const SECTOR = 512;
/** Where the kernel keeps the sector that it counts in. */
const BUFFER = 0x300000;

/** `out PORT, VALUE`, through dx and al. */
const out8 = (port: number, value: number) => [0x66, 0xba, port & 0xff, port >> 8, 0xb0, value, 0xee];
/** `out PORT, VALUE` of 16 bits. */
const out16 = (port: number, value: number) => [
  ...[0x66, 0xba, port & 0xff, port >> 8, 0x66, 0xb8, value & 0xff, value >> 8],
  ...[0x66, 0xef],
];
/** Reads the port until of `mask` only `value` is set. */
const until = (port: number, mask: number, value: number) => [
  ...[0x66, 0xba, port & 0xff, port >> 8],
  // again: in al, dx; and al, mask; cmp al, value; jne again
  ...[0xec, 0x24, mask, 0x3c, value, 0x75, 0xf9],
];
/** Selects the disk's first sector and gives a command; its data can be transferred then. */
const disk = (command: number) => [
  ...out8(0x1f6, 0xe0),
  ...[out8(0x1f2, 1), out8(0x1f3, 0), out8(0x1f4, 0), out8(0x1f5, 0)].flat(),
  ...out8(0x1f7, command),
  ...until(0x1f7, 0x88, 0x08),
];
const word32 = (value: number) => [0, 8, 16, 24].map((shift) => (value >> shift) & 0xff);
/** cld; mov esi or edi, BUFFER; mov ecx, 256; mov dx, 0x1f0; rep ins or outs word. */
const transfer = (register: number, instruction: number) => [
  ...[0xfc, register, ...word32(BUFFER), 0xb9, ...word32(SECTOR / 2)],
  ...[0x66, 0xba, 0xf0, 0x01, 0xf3, 0x66, instruction],
];
const say = (text: string) => [...Buffer.from(text)].flatMap((byte) => out8(0x3f8, byte));
const STOP = [0xf4, 0xeb, 0xfd];
/** `cmp byte [BUFFER], COUNT`, and `code` when it is that. */
const when = (count: number, code: number[]) => [
  ...[0x80, 0x3d, ...word32(BUFFER), count, 0x0f, 0x85, ...word32(code.length)],
  ...code,
];

/** x87 first: that is where a KVM that doesn't emulate it stops. */
const X87 = [0xdb, 0xe3, 0xd9, 0xe8, 0xdd, 0xd8];
const BY_KEYBOARD_CONTROLLER = [...out8(0x64, 0xfe), ...STOP];
/** push 0; push 0; lidt [esp]; int3. */
const BY_TRIPLE_FAULT = [0x6a, 0, 0x6a, 0, 0x0f, 0x01, 0x1c, 0x24, 0xcc];
const POWER_OFF = [...out16(0x604, 0x2000), ...STOP];

const COUNTED = [
  ...X87,
  ...disk(0x20),
  ...transfer(0xbf, 0x6d),
  ...[0xfe, 0x05, ...word32(BUFFER)],
  ...disk(0x30),
  ...transfer(0xbe, 0x6f),
  // The sector is on the disk when the drive isn't busy any more.
  ...[...until(0x1f7, 0x80, 0), ...out8(0x1f7, 0xe7), ...until(0x1f7, 0x80, 0)],
  ...when(1, [...say("kernel 1\r\n"), ...BY_KEYBOARD_CONTROLLER]),
  ...when(2, [...say("kernel 2\r\n"), ...BY_TRIPLE_FAULT]),
  ...[...say("kernel 3\r\n"), ...POWER_OFF],
];

/** A disk image with a kernel that consists of `code`, and a script that starts it after `first`. */
function guest(code: readonly number[], first = "echo loader"): Uint8Array {
  const { bytes } = linkedFile({ bits: 32, segments: [{ size: 8192 }], versions: [{ name: "kernel", version: 1 }] });
  const entry = bytes.readUInt32LE(24) - 0xc0200000;
  bytes.set(code, entry);
  const script = `${first}\nload /boot/kernel/kernel\nboot\n`;
  return bytesOf(ufsDisk({ "/boot/kernel/kernel": bytes, "/boot/loader.rc": script }));
}

/** Reboots twice, then powers off; needs a writable IDE disk. */
export const rebootingGuest = (): Uint8Array => guest(COUNTED);
/** Reboots at once, always, on any machine. */
export const loopingGuest = (first?: string): Uint8Array => guest([...say("kernel\r\n"), ...BY_TRIPLE_FAULT], first);
/** What the kernel counts on. */
export const emptyCounter = (): Uint8Array => new Uint8Array(SECTOR);
