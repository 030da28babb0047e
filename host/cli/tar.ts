// A tar stream (POSIX.1-2017, pax: ustar headers, with extended ones before them for what doesn't fit). It is ours because the
// names of an image are bytes: the libraries for streams take texts, and change what is no UTF-8.

const BLOCK = 512;
/** Streams end with as many blocks of zeros as fill a record. */
const RECORD = 20 * BLOCK;
const NAME_SIZE = 100;
/** The largest numbers of eleven and of seven octal digits. */
const SIZE_MAX = 8 ** 11 - 1;
const ID_MAX = 8 ** 7 - 1;

const TYPES = { file: "0", link: "2", directory: "5" } as const;

/** What a header tells of a file. Texts are byte strings. */
export interface TarEntry {
  type: "file" | "directory" | "link" | "other";
  size: number;
  mode: number;
  uid: number;
  gid: number;
  mtime?: number;
  target: string;
}

/** Writes a stream by `put`. */
export class TarWriter {
  #written = 0;

  constructor(private readonly put: (bytes: Uint8Array) => Promise<void>) {}

  /** The header of `name`, a byte string. Content follows, when it is a file of more than no bytes. */
  async header(name: string, entry: TarEntry): Promise<void> {
    const { gid, mtime = 0, target, type, uid } = entry;
    const size = type === "file" ? entry.size : 0;
    const path = type === "directory" ? `${name}/` : name;
    const records: string[] = [];
    if (needsRecord(path)) records.push(record("path", path));
    if (needsRecord(target)) records.push(record("linkpath", target));
    if (size > SIZE_MAX) records.push(record("size", String(size)));
    if (mtime < 0 || mtime > SIZE_MAX) records.push(record("mtime", String(mtime)));
    if (uid > ID_MAX) records.push(record("uid", String(uid)));
    if (gid > ID_MAX) records.push(record("gid", String(gid)));
    if (records.length > 0) {
      // Values are UTF-8, unless it is said that they are any bytes.
      if (!records.every(isUtf8)) records.unshift(record("hdrcharset", "BINARY"));
      const body = Buffer.from(records.join(""), "latin1");
      await this.#write(block("././@PaxHeader", "x", { size: body.length, mode: 0o644, uid: 0, gid: 0, mtime: 0 }, ""));
      await this.#write(body);
      await this.#pad(body.length);
    }
    const kind = type === "other" ? TYPES.file : TYPES[type];
    await this.#write(
      block(
        path,
        kind,
        {
          size: fit(size, SIZE_MAX),
          mode: entry.mode,
          uid: fit(uid, ID_MAX),
          gid: fit(gid, ID_MAX),
          mtime: fit(mtime, SIZE_MAX),
        },
        target,
      ),
    );
  }

  /** The next of a file's content: bytes, and zeros behind them. */
  async content(bytes: Uint8Array, zeros: number): Promise<void> {
    await this.#write(bytes);
    await this.#zeros(zeros);
  }

  /** All content of a file of `size` bytes is there. */
  async endContent(size: number): Promise<void> {
    await this.#pad(size);
  }

  /** Ends the stream. */
  async end(): Promise<void> {
    await this.#zeros(2 * BLOCK);
    await this.#zeros((RECORD - (this.#written % RECORD)) % RECORD);
  }

  async #pad(size: number): Promise<void> {
    await this.#zeros((BLOCK - (size % BLOCK)) % BLOCK);
  }

  async #zeros(count: number): Promise<void> {
    const zeros = new Uint8Array(Math.min(count, 1024 * 1024));
    for (let left = count; left > 0; left -= zeros.length)
      await this.#write(zeros.subarray(0, Math.min(left, zeros.length)));
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    this.#written += bytes.length;
    await this.put(bytes);
  }
}

/** Whether a byte string is UTF-8. */
function isUtf8(bytes: string): boolean {
  return Buffer.from(Buffer.from(bytes, "latin1").toString("utf8")).equals(Buffer.from(bytes, "latin1"));
}

/** Whether a name doesn't fit into a header as it is. */
function needsRecord(name: string): boolean {
  return name.length > NAME_SIZE || !/^[\x00-\x7f]*$/.test(name);
}

/** A record of an extended header: its own length, the name, the value. */
function record(name: string, value: string): string {
  const rest = ` ${name}=${value}\n`;
  let length = rest.length;
  // The length counts its own digits.
  while (String(length).length + rest.length > length) length = String(length).length + rest.length;
  return `${length}${rest}`;
}

function fit(value: number, most: number): number {
  return value < 0 || value > most ? 0 : value;
}

type Numbers = Record<"size" | "mode" | "uid" | "gid" | "mtime", number>;

function block(name: string, type: string, { gid, mode, mtime, size, uid }: Numbers, target: string): Uint8Array {
  const header = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, digits: number) =>
    header.write(value.toString(8).padStart(digits, "0"), at, digits, "latin1");
  header.write(name.slice(0, NAME_SIZE), 0, NAME_SIZE, "latin1");
  octal(mode & 0o7777, 100, 7);
  octal(uid, 108, 7);
  octal(gid, 116, 7);
  octal(size, 124, 11);
  octal(mtime, 136, 11);
  header.fill(0x20, 148, 156);
  header.write(type, 156, "latin1");
  header.write(target.slice(0, NAME_SIZE), 157, NAME_SIZE, "latin1");
  header.write("ustar\x0000", 257, "latin1");
  let sum = 0;
  for (const byte of header) sum += byte;
  octal(sum, 148, 6);
  header[154] = 0;
  return header;
}
