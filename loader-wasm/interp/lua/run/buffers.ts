// Buffers in which functions of the core build strings.

import { burn } from "../../../lib/fault";
import { allocateBlock, freeBlock, hasRoom } from "../values/heap";
import { bytesOf, lengthOf, STRING_LIMIT } from "../values/string";
import { raiseMemory, raiseText } from "./errors";

/** Bytes that grow. Taken from a pile by `openBuffer`; an error gives back those that were open. */
export class Buffer {
  at: usize = 0;
  size: usize = 0;
  private room: usize = 0;

  /** Makes room for `count` more bytes and returns where they go; false after raising an error. */
  reserve(count: usize): bool {
    if (count <= this.room - this.size) return true;
    if (<u64>this.size + <u64>count > <u64>STRING_LIMIT) {
      raiseText("resulting string too large");
      return false;
    }
    const room = max(this.room * 2, max(this.size + count, 256));
    if (!hasRoom(room)) {
      raiseMemory();
      return false;
    }
    const fresh = allocateBlock(room);
    memory.copy(fresh, this.at, this.size);
    if (this.room > 0) freeBlock(this.at, this.room);
    this.at = fresh;
    this.room = room;
    return true;
  }

  addByte(byte: u32): void {
    if (this.size == this.room && !this.reserve(1)) return;
    store<u8>(this.at + this.size, <u8>byte);
    this.size++;
  }

  addBytes(src: usize, count: u32): void {
    if (!this.reserve(count)) return;
    burn(<i64>(count >> 6));
    memory.copy(this.at + this.size, src, count);
    this.size += count;
  }

  /** Adds a Lua string. */
  addString(text: usize): void {
    this.addBytes(bytesOf(text), lengthOf(text));
  }

  /** Adds a byte string of the core. */
  addText(text: string): void {
    for (let i = 0; i < text.length; i++) this.addByte(text.charCodeAt(i));
  }

  /** Gives large memory back. */
  shrink(): void {
    if (this.room > 4096) {
      freeBlock(this.at, this.room);
      this.at = 0;
      this.room = 0;
    }
    this.size = 0;
  }
}

const buffers: Buffer[] = [];
/** Buffers in use. */
export let openBuffers: i32 = 0;

/** An empty buffer. */
export function openBuffer(): Buffer {
  if (openBuffers == buffers.length) buffers.push(new Buffer());
  return buffers[openBuffers++];
}

/** Gives buffers back until `count` are in use. */
export function closeBuffers(count: i32): void {
  while (openBuffers > count) buffers[--openBuffers].shrink();
}
