// A directory for what a test writes.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A directory that goes away with `dispose`. */
export class Scratch {
  /** Its path. */
  readonly path = mkdtempSync(join(tmpdir(), "userboot-test-"));

  /** Writes a file in it; its path. */
  file(name: string, content: Uint8Array | string): string {
    const path = join(this.path, name);
    writeFileSync(path, content);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
