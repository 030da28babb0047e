// A machine that is ready to run as one file, or as a stream: registers, what the loader asked for, memory, and a check over all
// of it (docs/machine-file.md has every field). For programs that make a virtual machine out of it, as
// handoff/bhyve/userboot-bhyve.c does: they read it from the first byte to the last, once.

import { HandoffError } from "../errors.js";
import { Crc32c } from "./crc32c.js";
import { bitsOf, type Machine, type MachineCpu } from "./machine.js";
import type { Call, SegmentDescriptor } from "./registers.js";

const MAGIC = "userboot";
const VERSION = 1;
const KINDS = { amd64: 1, i386: 2 };
const HEADER_SIZE = 320;
const REQUEST_SIZE = 24;
const RANGE_SIZE = 16;
/** Bytes of memory in one part of a stream. */
const PART = 1024 * 1024;
/** What readers may rely on: more is never written. */
const REQUESTS_MAX = 64;
const RANGES_MAX = 8192;

/** What a request is called in the result, and its number in the file. */
const REQUESTS: Readonly<Record<string, number>> = { setreg: 1, setmsr: 2, setcr: 3, setgdt: 4, exec: 5 };

/** What a number of the file is called when it is none. */
const NUMBER = "a number of the machine";

/** Numbers of fixed size, one behind the other. */
class Fields {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #at = 0;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.#view = new DataView(this.bytes.buffer);
  }

  /** @throws HandoffError for what is none, as of all numbers */
  u32(...values: (number | bigint | string)[]): this {
    for (const value of values) {
      this.#view.setUint32(this.#at, Number(bitsOf(value, 32, NUMBER)), true);
      this.#at += 4;
    }
    return this;
  }

  u64(...values: (number | bigint | string)[]): this {
    for (const value of values) {
      this.#view.setBigUint64(this.#at, bitsOf(value, 64, NUMBER), true);
      this.#at += 8;
    }
    return this;
  }

  text(text: string): this {
    for (const character of text) this.bytes[this.#at++] = character.charCodeAt(0);
    return this;
  }
}

/** `machine` as one file. */
export function packMachineFile(machine: Machine): Uint8Array<ArrayBuffer> {
  const parts = [...machineFileParts(machine)];
  const file = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

/**
 * The same piece by piece, in order. What is memory is borrowed.
 * @throws HandoffError when the result was one without all registers, or has more than the file has room for
 */
export function* machineFileParts(machine: Machine): Generator<Uint8Array> {
  const { cpu, memory } = machine;
  if (cpu === undefined) throw new HandoffError("the result doesn't have all that a machine file needs");
  const requests = requestsOf(cpu.calls);
  if (memory.length > RANGES_MAX)
    throw new HandoffError(`guest memory has ${memory.length} ranges, a machine file has room for ${RANGES_MAX}`);
  const crc = new Crc32c();
  const checked = (bytes: Uint8Array) => {
    crc.add(bytes);
    return bytes;
  };
  yield checked(header(machine, cpu, requests.length));
  for (const request of requests) yield checked(request);
  for (const { gpa, bytes } of memory) {
    yield checked(new Fields(RANGE_SIZE).u64(gpa, bytes.length).bytes);
    // Long ones in parts, between which a writer can do something else.
    for (let at = 0; at < bytes.length; at += PART) yield checked(bytes.subarray(at, at + PART));
  }
  yield new Fields(4).u32(crc.value).bytes;
}

function header({ arch, registers: r, memory }: Machine, cpu: MachineCpu, requests: number): Uint8Array {
  const { selectors: s } = cpu;
  const fields = new Fields(HEADER_SIZE).text(MAGIC).u32(VERSION, KINDS[arch]).u64(cpu.low, cpu.high);
  fields.u32(requests, memory.length).u64(memory.reduce((sum, { bytes }) => sum + bytes.length, 0));
  fields.u64(r.rip, r.rsp, r.rflags, r.cr0, r.cr3, r.cr4, r.efer);
  const segment = ([base, limit, access]: SegmentDescriptor, selector: number) =>
    fields.u64(base).u32(limit, access, selector, 0);
  segment(cpu.code, s.cs);
  for (const selector of [s.ds, s.es, s.fs, s.gs, s.ss]) segment(cpu.data, selector);
  segment(cpu.task, s.tr);
  segment(cpu.local, s.ldtr);
  return fields.u64(r.gdtBase).u32(r.gdtLimit, 0).bytes;
}

/** What the loader of the last pass asked for. */
function requestsOf(calls: readonly Call[]): Uint8Array[] {
  const last = calls.slice(calls.findLastIndex(([name]) => name === "swap_interpreter") + 1);
  if (
    last.length > REQUESTS_MAX ||
    last.length === 0 ||
    last.findIndex(([name]) => name === "exec") !== last.length - 1
  )
    throw new HandoffError("the loader's calls are no way to enter a kernel");
  return last.map(([name, ...values]) => {
    const kind = REQUESTS[name];
    if (kind === undefined) throw new HandoffError(`a machine file has no word for the loader's call ${name}`);
    const [first = 0, second = 0] = values;
    const fields = new Fields(REQUEST_SIZE).u32(kind);
    // A register's number and its value, or an address and (of the GDT) a size.
    const numbered = name !== "setgdt" && name !== "exec";
    return (numbered ? fields.u32(first).u64(second) : fields.u32(0).u64(first, second)).bytes;
  });
}
