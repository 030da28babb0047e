// Small files that an operator names: keys, policies, what a policy may read. Read whole, within a limit, when they
// are regular files; opening them waits for nobody.

import { open } from "node:fs/promises";
import { explain, kindComplaint, OPEN_FLAGS } from "../disks/file.js";
import { OptionError } from "../errors.js";

const MIB = 1024 * 1024;

/** What the system calls what a person can do something about. */
const WORDS: Readonly<Record<string, string>> = {
  ENOENT: "no such directory",
  EACCES: "permission denied",
  EROFS: "it is mounted to be read only",
};

/** Why a file can't be made: in words, or as the system calls it. */
export const whyUnwritable = (code: string | undefined): string | undefined => WORDS[code ?? ""] ?? code;

/**
 * The content of the file at `path`, at most `limit` bytes.
 * @param what how messages call it
 * @throws OptionError
 */
export async function readSmallFile(path: string, limit: number, what: string): Promise<Buffer> {
  const refused = (why: string) => new OptionError(`${what} ${path}: ${why}`);
  try {
    await using file = await open(path, OPEN_FLAGS);
    const status = await file.stat();
    const complaint = kindComplaint(status);
    if (complaint !== undefined) throw refused(complaint);
    if (status.size > limit) throw refused(`${status.size} bytes, more than the ${limit / MIB} MiB that may be`);
    // What somebody adds meanwhile isn't read.
    const content = Buffer.alloc(status.size);
    let done = 0;
    while (done < content.length) {
      const { bytesRead } = await file.read(content, done, content.length - done, done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return content.subarray(0, done);
  } catch (error) {
    throw error instanceof OptionError ? error : refused(explain(error));
  }
}
