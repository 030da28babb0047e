// Enters a 32-bit kernel: flat protected mode without paging, arguments on the stack as old boot blocks
// leave them, and the legacy `struct bootinfo` (i386/include/bootinfo.h).

import { getenv } from "../environment/variables";
import { allocString } from "../lib/bytes";
import { allocate } from "../lib/fault";
import { lowMemory, putGuest, startPart } from "../lib/guest";
import { MODINFOMD_ESYM, MODINFOMD_SSYM, PreloadedFile } from "../load/preloaded";
import { setgdt, setreg } from "../protocol";
import { BootData, writeBootData } from "./bootinfo";
import { enter } from "./entry";

const STACK: u64 = 0x1000;
const STACK_SIZE: u32 = 4096;
const BOOTINFO: u64 = 0x2000;
const GDT: u64 = 0x3000;
const GDT_LIMIT: u32 = 31;
/** The kernel runs from where it is loaded: its address below 16 MiB. */
const ENTRY_MASK: u64 = 0xffffff;

const REG_ESP: i32 = 4;
/** What a boot block's call leaves on the stack, and by which the kernel knows that bootinfo is there. */
const RETURN_ADDRESS: u32 = 0xbeefface;
const RB_BOOTINFO: u32 = 0x80000000;

const BOOTINFO_VERSION: u32 = 1;
const BOOTINFO_SIZE: u32 = 136;
const BASE_MEMORY_KIB: u32 = 640;
const EXTENDED_START: u64 = 0x100000;
/** Bytes of `kernelname` that are passed on. */
const KERNELNAME_LIMIT: i32 = 1024;

/**
 * Hands over to `kernel` and doesn't return, except when the boot data can't be written: then the error has been told.
 */
export function enterI386(kernel: PreloadedFile): void {
  startPart();
  const data = writeBootData(kernel, 4, true);
  if (data === null) return;
  writeBootinfo(kernel, data);
  const stack = allocate(STACK_SIZE);
  memory.fill(stack, 0, STACK_SIZE);
  // From the top down: what main() of a boot block would push, and the return address.
  const words: u32[] = [
    <u32>data.kernend,
    <u32>data.modulep,
    <u32>BOOTINFO,
    0,
    0,
    0,
    0,
    data.howto | RB_BOOTINFO,
    RETURN_ADDRESS,
  ];
  let top = STACK_SIZE;
  for (let i = 0; i < words.length; i++) {
    top -= 4;
    store<u32>(stack + top, words[i]);
  }
  putGuest(stack, STACK, STACK_SIZE);
  setreg(REG_ESP, STACK + top);
  setgdt(GDT, GDT_LIMIT);
  enter(kernel.entry & ENTRY_MASK, data);
}

function writeBootinfo(kernel: PreloadedFile, data: BootData): void {
  const name = getenv("kernelname");
  const kernelname = name === null ? "" : name.substring(0, KERNELNAME_LIMIT);
  const info = allocate(BOOTINFO_SIZE);
  memory.fill(info, 0, BOOTINFO_SIZE);
  store<u32>(info, BOOTINFO_VERSION);
  store<u32>(info, <u32>BOOTINFO + BOOTINFO_SIZE, 4);
  store<u32>(info, BOOTINFO_SIZE, 48);
  store<u8>(info, 1, 52);
  store<u32>(info, BASE_MEMORY_KIB, 56);
  store<u32>(info, <u32>((lowMemory() - EXTENDED_START) / 1024), 60);
  const start = kernel.findMetadata(MODINFOMD_SSYM);
  const end = kernel.findMetadata(MODINFOMD_ESYM);
  if (start !== null && end !== null) {
    store<u32>(info, load<u32>(start.data), 64);
    store<u32>(info, load<u32>(end.data), 68);
  }
  store<u32>(info, <u32>data.kernend, 72);
  store<u32>(info, <u32>data.envp, 76);
  store<u32>(info, <u32>data.modulep, 80);
  putGuest(info, BOOTINFO, BOOTINFO_SIZE);
  putGuest(allocString(kernelname), BOOTINFO + BOOTINFO_SIZE, kernelname.length + 1);
}
