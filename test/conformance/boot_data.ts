// What a booted kernel is given, decoded from guest memory in the form of the recordings: the words on its
// stack, the chain of metadata, the environment.

import { createHash } from "node:crypto";
import type { BootResult } from "userboot-wasm";

export interface FoundRecord {
  gpa: string;
  type: number;
  size: number;
  bytes: Uint8Array;
}

export interface FoundBootData {
  stack: Record<string, string | string[]>;
  records: FoundRecord[];
  env: { gpa: string; vars: string[] } | undefined;
}

const TYPE_ENVP = 0x8006;
const RECORDS_MAX = 4096;
const ENV_MAX = 1 << 20;

/** Decodes what `result`, an entered kernel, finds. */
export function findBootData(result: BootResult): FoundBootData {
  const stack = findStack(result);
  const records = findRecords(result, Number(stack.modulep));
  const envp = records.find(({ type }) => type === TYPE_ENVP);
  const at = envp && envp.size >= 4 ? Number(littleEndian(envp.bytes)) : undefined;
  return { stack, records, env: at === undefined ? undefined : { gpa: hex(at), vars: findEnvironment(result, at) } };
}

function findStack(result: BootResult): Record<string, string | string[]> {
  const rsp = Number(result.registers?.rsp ?? 0);
  const word = (index: number) => hex(littleEndian(result.guestMemory.read(rsp + index * 4, 4)));
  const head = { gpa: hex(rsp), return_address: word(0) };
  if (result.arch === "amd64") return { ...head, modulep: word(1), kernend: word(2) };
  const zero = [word(3), word(4), word(5)];
  return { ...head, howto: word(1), bootdev: word(2), zero, bootinfop: word(6), modulep: word(7), kernend: word(8) };
}

function findRecords(result: BootResult, start: number): FoundRecord[] {
  const padding = result.arch === "amd64" ? 8 : 4;
  const records: FoundRecord[] = [];
  let at = start;
  while (records.length < RECORDS_MAX) {
    const header = result.guestMemory.read(at, 8);
    const type = Number(littleEndian(header.subarray(0, 4)));
    const size = Number(littleEndian(header.subarray(4)));
    if (size > result.guestMemory.low) break;
    records.push({ gpa: hex(at), type, size, bytes: result.guestMemory.read(at + 8, size) });
    if (type === 0) break;
    at += 8 + Math.ceil(size / padding) * padding;
  }
  return records;
}

function findEnvironment(result: BootResult, start: number): string[] {
  const text = latin1(result.guestMemory.read(start, ENV_MAX));
  // The block ends with an empty entry; without variables that is all of it.
  const end = text.startsWith("\0") ? 0 : text.indexOf("\0\0");
  return end <= 0 ? [] : text.slice(0, end).split("\0");
}

export function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return value;
}

export function hex(value: number | bigint): string {
  return `0x${value.toString(16)}`;
}

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
