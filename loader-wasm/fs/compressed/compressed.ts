// Files read through a decompressor: where `kernel` is missing, `kernel.gz`, `kernel.bz2`, `kernel.zst`,
// `kernel.lz4` or `kernel.xz` is opened in its place and looks like the original, except that its size is not known.

import { Decoder } from "../../compression/decoder";
import { Input } from "../../compression/input";
import { Device } from "../../dev/device";
import { EFTYPE, EINVAL, EIO, EISDIR, ENOENT, EOFFSET, EPERM, errno, setErrno } from "../../lib/errno";
import { allocate, damaged } from "../../lib/fault";
import { print } from "../../lib/output";
import { Dirent, FileSystem, O_RDONLY, OpenFile, S_IFMT, S_IFREG, SEEK_CUR, SEEK_SET, Stat } from "../file_system";
import { openOn } from "../file_systems";
import { FileInput } from "./file_input";

/** Names that are not tried with a suffix once more. */
const SUFFIXES: string[] = [".gz", ".bz2", ".zst", ".lz4", ".xz", ".split"];
/** Bytes decoded at a time to move forwards. */
const SKIP_SIZE: i32 = 16;

/** Size of files whose size is not known. */
const UNKNOWN_SIZE: u64 = u64.MAX_VALUE;

/**
 * A file system on top of the others, which open the compressed file. A new method is a subclass with its suffix, and
 * its decoder.
 */
export abstract class CompressedFileSystem extends FileSystem {
  constructor(
    name: string,
    readonly suffix: string,
    /** What console messages call it. */
    readonly tag: string,
  ) {
    super(name, true);
  }

  /** The decoder for the stream at the start of `input`, past the header if that is not the decoder's; null when it is not one. */
  abstract decoderFor(input: Input): Decoder | null;

  isLayer(): bool {
    return true;
  }

  open(device: Device, path: string, mode: i32): OpenFile | null {
    if (mode != O_RDONLY) return this.failed(EPERM);
    for (let i = 0; i < SUFFIXES.length; i++) {
      if (path.endsWith(SUFFIXES[i])) return this.failed(ENOENT);
    }
    const raw = openOn(device, path + this.suffix, O_RDONLY);
    if (raw === null) return this.failed(errno == EIO ? EIO : ENOENT);
    if ((raw.stat().mode & S_IFMT) != S_IFREG) {
      print(`${this.tag}_open: not a file\n`);
      raw.close();
      return this.failed(EISDIR);
    }
    const input = new FileInput(raw);
    const decoder = this.decoderFor(input);
    if (decoder !== null)
      return new CompressedFile(this.tag, this.name, device.name() + path + this.suffix, raw, input, decoder);
    const unreadable = input.failed;
    if (!unreadable) damaged(device.name() + path + this.suffix, `${this.name} header: not recognised`, EFTYPE);
    input.close();
    return this.failed(unreadable ? EIO : EFTYPE);
  }

  private failed(error: i32): OpenFile | null {
    setErrno(error);
    return null;
  }
}

class CompressedFile extends OpenFile {
  /** Where the stream begins in the raw file. */
  private readonly start: u64;

  constructor(
    private readonly tag: string,
    private readonly format: string,
    /** Names the file in reports. */
    private readonly path: string,
    private readonly raw: OpenFile,
    private readonly input: FileInput,
    private readonly decoder: Decoder,
  ) {
    super();
    this.start = input.position();
  }

  size(): u64 {
    return UNKNOWN_SIZE;
  }

  stat(): Stat {
    const status = this.raw.stat();
    status.size = UNKNOWN_SIZE;
    return status;
  }

  read(dst: usize, size: i32): i32 {
    const decoder = this.decoder;
    // Its state is of no use then.
    if (decoder.failure !== null) return this.failed(decoder.failure!);
    let done = 0;
    while (done < size && !decoder.ended) {
      if (decoder.exhausted()) {
        this.failed(`${this.tag}_read: ${this.input.failed ? "fill error" : "unexpected EOF"}`);
        if (done == 0 || this.input.failed) return -1;
        break;
      }
      done += decoder.decode(dst + <usize>done, size - done);
      const failure = decoder.failure;
      if (failure !== null) return this.failed(failure);
      const complaint = decoder.complaint;
      if (decoder.ended && complaint !== null) damaged(this.path, `${this.format} stream: ${complaint}`, EIO);
    }
    this.position += <u64>done;
    return done;
  }

  private failed(message: string): i32 {
    print(`${message}\n`);
    damaged(this.path, `${this.format} stream: ${message.substring(message.indexOf(": ") + 2)}`, EIO);
    return -1;
  }

  /** Goes back by decoding from the start again, forwards by decoding what is between; at the end it stops. */
  seek(offset: i64, whence: i32): i64 {
    if (whence != SEEK_SET && whence != SEEK_CUR) {
      setErrno(EINVAL);
      return -1;
    }
    const target = whence == SEEK_SET ? offset : <i64>this.position + offset;
    if (target < 0) {
      setErrno(EOFFSET);
      return -1;
    }
    if (<u64>target < this.position) {
      this.input.rewind(this.start);
      this.decoder.reset();
      this.position = 0;
    }
    const skipped = allocate(SKIP_SIZE);
    let got = 1;
    while (<u64>target > this.position && got > 0) {
      got = this.read(skipped, <i32>min(<u64>SKIP_SIZE, <u64>target - this.position));
    }
    heap.free(skipped);
    return got < 0 ? -1 : <i64>this.position;
  }

  readdir(): Dirent | null {
    setErrno(EIO);
    return null;
  }

  close(): void {
    this.decoder.close();
    this.input.close();
  }
}
