// Standard output and error that are files. Node writes to those in one go, and takes what fitted on a disk that got full meanwhile
// for all of it: a file that is cut off would come with a good exit status.

import { fstatSync, writeSync } from "node:fs";

type Stream = NodeJS.WriteStream & { fd: number };

/** Has `stream` write all of what it is given, or say why not, when it is a file. */
export function writeWhole(stream: Stream): void {
  if (!isFile(stream.fd)) return;
  stream._write = (chunk: Buffer | string, encoding, done) => {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk;
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(stream.fd, bytes, at);
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  };
}

function isFile(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    // There is none.
    return false;
  }
}
