// A session's process that sends its caller the bytes in its environment, and ends.

import { readSync, writeSync } from "node:fs";
import { deserialize } from "node:v8";

const CHANNEL = 3;

function read(size) {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; ) {
    try {
      const got = readSync(CHANNEL, bytes, at, size - at, null);
      // Its caller is gone.
      if (got === 0) process.exit();
      at += got;
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
  return bytes;
}

const { options } = deserialize(read(read(8).readUInt32LE(0)));
const bytes = Buffer.from(Buffer.from(options.env[0]).toString().slice("bytes=".length), "base64");
for (let at = 0; at < bytes.length; ) {
  try {
    at += writeSync(CHANNEL, bytes, at);
  } catch (error) {
    if (error.code === "EPIPE") break;
    if (error.code !== "EAGAIN") throw error;
  }
}
