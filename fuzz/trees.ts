// Granted trees of files without a host behind them: WASI (preview 1) as far as the core asks for it, answered from memory at
// once, so that `host:` can be searched like everything else. What the package does instead is in host/wasi/.

import { guardedFiles } from "../build/host/wasi/guarded.js";
import type { WasiProvider } from "../build/host/wasi/provider.js";

/** Files by their paths, which begin with the number of a tree. */
export type Trees = Readonly<Record<string, Uint8Array>>;

const SUCCESS = 0;
const [EBADF, EISDIR, ENOENT] = [8, 31, 44];
const [DIRECTORY, REGULAR] = [3, 4];
const ROOT = 3;
const DIRENT_SIZE = 24;
const STATUS = { size: 64, type: 16, bytes: 32 };

interface Opened {
  path: string;
  position: number;
}

/** Answers for one instance. */
export class MemoryTrees implements WasiProvider {
  readonly guard = guardedFiles;
  readonly #open = new Map<number, Opened>([[ROOT, { path: "", position: 0 }]]);
  #next = ROOT + 1;

  constructor(
    private readonly trees: Trees,
    private readonly memory: WebAssembly.Memory,
  ) {}

  attach(): void {}
  detach(): void {}
  dispose(): void {}

  #names(path: string): string[] {
    const below = path === "" ? "" : `${path}/`;
    const names = Object.keys(this.trees)
      .filter((known) => known.startsWith(below))
      .map((known) => known.slice(below.length).split("/")[0]!);
    return [...new Set(names)];
  }

  #isDirectory(path: string): boolean {
    return this.trees[path] === undefined && this.#names(path).length > 0;
  }

  imports(): WebAssembly.ModuleImports {
    const view = () => new DataView(this.memory.buffer);
    const bytes = (at: number, size: number) => new Uint8Array(this.memory.buffer, at >>> 0, size >>> 0);
    return {
      path_open: (fd: number, _follow: number, at: number, size: number, ...rest: (number | bigint)[]) => {
        const from = this.#open.get(fd);
        if (from === undefined) return EBADF;
        const name = Buffer.from(bytes(at, size)).toString();
        const path = from.path === "" ? name : `${from.path}/${name}`;
        if (this.trees[path] === undefined && !this.#isDirectory(path)) return ENOENT;
        this.#open.set(this.#next, { path, position: 0 });
        view().setUint32(Number(rest[4]) >>> 0, this.#next++, true);
        return SUCCESS;
      },
      fd_read: (fd: number, parts: number, count: number, result: number) => {
        const opened = this.#open.get(fd);
        const content = this.trees[opened?.path ?? ""];
        if (opened === undefined || content === undefined) return opened === undefined ? EBADF : EISDIR;
        let done = 0;
        for (let i = 0; i < count; i++) {
          const [at, size] = [0, 4].map((offset) => view().getUint32(parts + i * 8 + offset, true)) as [number, number];
          const part = content.subarray(opened.position, opened.position + size);
          bytes(at, size).set(part);
          opened.position += part.length;
          done += part.length;
        }
        view().setUint32(result, done, true);
        return SUCCESS;
      },
      fd_seek: (fd: number, offset: bigint, _whence: number, result: number) => {
        const opened = this.#open.get(fd);
        if (opened === undefined) return EBADF;
        opened.position = Number(offset);
        view().setBigUint64(result, offset, true);
        return SUCCESS;
      },
      fd_filestat_get: (fd: number, at: number) => {
        const path = this.#open.get(fd)?.path;
        if (path === undefined) return EBADF;
        bytes(at, STATUS.size).fill(0);
        view().setUint8(at + STATUS.type, this.#isDirectory(path) ? DIRECTORY : REGULAR);
        view().setBigUint64(at + STATUS.bytes, BigInt(this.trees[path]?.length ?? 0), true);
        return SUCCESS;
      },
      fd_readdir: (fd: number, at: number, size: number, cookie: bigint, result: number) => {
        const path = this.#open.get(fd)?.path;
        if (path === undefined) return EBADF;
        const entries = this.#names(path).map((name, i) => {
          const text = Buffer.from(name);
          const entry = Buffer.alloc(DIRENT_SIZE + text.length);
          entry.writeBigUInt64LE(BigInt(i + 1));
          entry.writeUInt32LE(text.length, 16);
          entry[20] = this.#isDirectory(path === "" ? name : `${path}/${name}`) ? DIRECTORY : REGULAR;
          text.copy(entry, DIRENT_SIZE);
          return entry;
        });
        const listed = Buffer.concat(entries.slice(Number(cookie))).subarray(0, size);
        bytes(at, listed.length).set(listed);
        view().setUint32(result, listed.length, true);
        return SUCCESS;
      },
      fd_close: (fd: number) => (this.#open.delete(fd) ? SUCCESS : EBADF),
    };
  }
}
