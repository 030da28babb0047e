// Enters a 64-bit kernel: long mode with every GiB of addresses mapped to the first GiB of memory, so that
// the kernel runs at its linked address until it has page tables of its own.

import { allocate } from "../lib/fault";
import { putGuest, startPart } from "../lib/guest";
import { profile } from "../lib/profile";
import { PreloadedFile } from "../load/preloaded";
import { setcr, setgdt, setmsr, setreg } from "../protocol";
import { writeBootData } from "./bootinfo";
import { enter } from "./entry";

const STACK: u64 = 0x1000;
const PML4: u64 = 0x2000;
const PDPT: u64 = 0x3000;
const PD: u64 = 0x4000;
const GDT: u64 = 0x5000;
const PAGE_SIZE: i32 = 4096;
const ENTRIES: i32 = 512;

/** The bit of a 2 MiB page, and its size. */
const LARGE_BIT: u64 = 0x80;
const LARGE_PAGE: u64 = 0x200000;

const CODE_DESCRIPTOR: u64 = 0x0020980000000000;
const DATA_DESCRIPTOR: u64 = 0x0000900000000000;
const GDT_SIZE: u32 = 24;

/** bhyve's number of RSP in `setreg`. */
const REG_RSP: i32 = 4;
const MSR_EFER: u32 = 0xc0000080;
/** Long mode enabled and active. */
const EFER: u64 = 0x500;
/** PAE and VMXE; paging, numeric errors and protection. */
const CR4: u64 = 0x2020;
const CR0: u64 = 0x80000021;

/**
 * Hands over to `kernel` and doesn't return: its arguments on the stack page, page tables, descriptors, registers. When
 * the boot data can't be written, it does return, and the error has been told.
 */
export function enterAmd64(kernel: PreloadedFile): void {
  startPart();
  const data = writeBootData(kernel, 8, false);
  if (data === null) return;
  const page = allocate(PAGE_SIZE);
  memory.fill(page, 0, PAGE_SIZE);
  store<u32>(page, <u32>data.modulep, 4);
  store<u32>(page, <u32>data.kernend, 8);
  putGuest(page, STACK, PAGE_SIZE);
  writeTable(page, PML4, PDPT | profile.pageBits, 0);
  writeTable(page, PDPT, PD | profile.pageBits, 0);
  writeTable(page, PD, LARGE_BIT | profile.pageBits, LARGE_PAGE);
  setreg(REG_RSP, STACK);
  setmsr(MSR_EFER, EFER);
  setcr(4, CR4);
  setcr(3, PML4);
  setcr(0, CR0);
  store<u64>(page, 0);
  store<u64>(page, CODE_DESCRIPTOR, 8);
  store<u64>(page, DATA_DESCRIPTOR, 16);
  putGuest(page, GDT, GDT_SIZE);
  setgdt(GDT, GDT_SIZE);
  enter(kernel.entry, data);
}

/** A page table at `gpa` whose entries begin with `first` and grow by `step`. */
function writeTable(page: usize, gpa: u64, first: u64, step: u64): void {
  for (let i = 0; i < ENTRIES; i++) store<u64>(page + (i << 3), first + <u64>i * step);
  putGuest(page, gpa, PAGE_SIZE);
}
