// What every FreeBSD kernel gets behind its modules in guest memory: the environment, and the metadata chain
// (`modulep`) that describes all that was loaded (sys/linker.h, MODINFO_*).

import { parseDevice } from "../dev/devices";
import { environment, getenv } from "../environment/variables";
import { allocate } from "../lib/fault";
import { GuestWriter } from "../lib/guest";
import { print } from "../lib/output";
import { profile } from "../lib/profile";
import {
  MODINFOMD_ENVP,
  MODINFOMD_HOWTO,
  MODINFOMD_KERNEND,
  MODINFOMD_KEYBUF,
  MODINFOMD_NOCOPY,
  PreloadedFile,
  preloadedFiles,
} from "../load/preloaded";
import { bootHowto } from "./howto";
import { addMemoryMap } from "./memory_map";
import { findRootMount } from "./root_mount";

const MODINFO_END: u32 = 0;
const MODINFO_NAME: u32 = 1;
const MODINFO_TYPE: u32 = 2;
const MODINFO_ADDR: u32 = 3;
const MODINFO_SIZE: u32 = 4;
const MODINFO_ARGS: u32 = 6;
const MODINFO_METADATA: u32 = 0x8000;

/** `struct keybuf` (sys/crypto/intake.h): a count and 64 entries of 516 bytes. */
const KEYBUF_SIZE: u32 = 33028;

const PAGE_MASK: u64 = 4095;

/** Where the parts of the boot data are. */
export class BootData {
  howto: u32 = 0;
  envp: u64 = 0;
  modulep: u64 = 0;
  kernend: u64 = 0;
}

/**
 * Writes environment and metadata; records are aligned to `alignment` bytes, and an (empty) buffer of disk
 * encryption keys is among them if `keys` says so. Null after saying what is wrong.
 */
export function writeBootData(kernel: PreloadedFile, alignment: i32, keys: bool): BootData | null {
  const data = new BootData();
  data.howto = bootHowto(kernel);
  const root = parseDevice(getenv("rootdev"));
  if (root === null) {
    print("can't determine root device\n");
    return null;
  }
  findRootMount(root.device.name());

  let end: u64 = 0;
  for (let i = 0; i < preloadedFiles.length; i++) end = max(end, preloadedFiles[i].addr + preloadedFiles[i].size);
  data.envp = roundToPage(end);
  data.modulep = roundToPage(data.envp + writeEnvironment(data.envp));

  kernel.addMetadata32(MODINFOMD_HOWTO, data.howto);
  kernel.addMetadata64(MODINFOMD_ENVP, data.envp);
  kernel.addMetadata64(MODINFOMD_KERNEND, 0);
  const kernend = kernel.metadata[0];
  addMemoryMap(kernel);
  if (keys) addKeyBuffer(kernel);
  const chain = new GuestWriter();
  writeChain(chain, alignment);
  data.kernend = roundToPage(data.modulep + chain.size);
  store<u64>(kernend.data, data.kernend);
  // Once more, now that the end is known.
  const complete = new GuestWriter();
  writeChain(complete, alignment);
  complete.flush(data.modulep);
  return data;
}

function addKeyBuffer(kernel: PreloadedFile): void {
  const buffer = allocate(KEYBUF_SIZE);
  memory.fill(buffer, 0, KEYBUF_SIZE);
  kernel.addMetadata(MODINFOMD_KEYBUF, buffer, KEYBUF_SIZE);
  heap.free(buffer);
}

function roundToPage(gpa: u64): u64 {
  return (gpa + PAGE_MASK) & ~PAGE_MASK;
}

/** `name=value` with a NUL for each variable, and a NUL at the end. Returns the bytes. */
function writeEnvironment(gpa: u64): u64 {
  const writer = new GuestWriter();
  for (let i = 0; i < environment.length; i++) {
    writer.text(environment[i].name);
    writer.text("=");
    writer.text(environment[i].value);
    writer.nul();
  }
  writer.nul();
  const size = writer.size;
  writer.flush(gpa);
  return size;
}

function writeChain(writer: GuestWriter, alignment: i32): void {
  for (let i = 0; i < preloadedFiles.length; i++) {
    const file = preloadedFiles[i];
    writeText(writer, MODINFO_NAME, file.name, alignment);
    writeText(writer, MODINFO_TYPE, file.type, alignment);
    const args = file.args;
    if (args !== null) writeText(writer, MODINFO_ARGS, args, alignment);
    // Loaders for kernels of 32 bits have 32 bits for the address from 14 on, and still 64 for the size.
    if (alignment == 4 && profile.generation >= 14) {
      writer.u32(MODINFO_ADDR);
      writer.u32(4);
      writer.u32(<u32>file.addr);
    } else writeNumber(writer, MODINFO_ADDR, file.addr);
    writeNumber(writer, MODINFO_SIZE, file.size);
    for (let j = 0; j < file.metadata.length; j++) {
      const record = file.metadata[j];
      if ((record.type & MODINFOMD_NOCOPY) != 0) continue;
      writer.u32(MODINFO_METADATA | record.type);
      writer.u32(record.size);
      writer.bytes(record.data, record.size);
      writer.align(alignment);
    }
  }
  writer.u32(MODINFO_END);
  writer.u32(0);
}

function writeText(writer: GuestWriter, type: u32, text: string, alignment: i32): void {
  writer.u32(type);
  writer.u32(text.length + 1);
  writer.cstring(text);
  writer.align(alignment);
}

function writeNumber(writer: GuestWriter, type: u32, value: u64): void {
  writer.u32(type);
  writer.u32(8);
  writer.u64(value);
}
