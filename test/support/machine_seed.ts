// Machine files as `pack` makes them, with little of the guest's memory: what fuzzing of their reader begins with.

import { boot, pack } from "userboot-wasm";
import { Crc32c } from "../../build/host/handoff/crc32c.js";
import { type GUESTS, guestImage } from "./guests.js";

const MIB = 1024 * 1024;
/** Of each range, so that a mutation is likely to meet what is looked at. */
const RANGE_KEPT = 16;
const HEADER = 320;

/** What `pack` makes of a guest, with little of its memory. */
export async function seedOf(guest: (typeof GUESTS)[keyof typeof GUESTS]): Promise<Buffer> {
  const options = { start: "simp", interfaceVersion: 4, clock: "virtual", isolation: "none" } as const;
  using result = await boot({ disks: [guestImage(guest)], memory: 64 * MIB, ...options });
  const whole = Buffer.from(await pack(result, "machine"));
  let at = HEADER + 24 * whole.readUInt32LE(32);
  const parts = [Buffer.from(whole.subarray(0, at))];
  let content = 0;
  for (let left = whole.readUInt32LE(36); left > 0; left--) {
    const size = Number(whole.readBigUInt64LE(at + 8));
    const kept = Math.min(size, RANGE_KEPT);
    const range = Buffer.from(whole.subarray(at, at + 16 + kept));
    range.writeBigUInt64LE(BigInt(kept), 8);
    parts.push(range);
    content += kept;
    at += 16 + size;
  }
  parts[0]!.writeBigUInt64LE(BigInt(content), 40);
  const crc = new Crc32c();
  for (const part of parts) crc.add(part);
  const check = Buffer.alloc(4);
  check.writeUInt32LE(crc.value);
  return Buffer.concat([...parts, check]);
}
