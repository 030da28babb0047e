// What an inspection is asked: a generator of requests, to which whoever runs the core gives the answers. One looks at all
// there is, within bounds; another one asks what a text says.

import type { Description } from "../build/host/inspect/facts.js";
import { type DirectRequest, OPEN_LINK, OPEN_UNPACKED } from "../build/host/inspect/protocol.js";

/** A request; the first one is `describe`. */
export type Request = { op: "describe" } | DirectRequest;

/** What came of one. */
export interface Answer {
  /** What was told, or the errno's name. */
  value?: unknown;
  error?: string;
  /** Of a read: bytes of a hole before the content, and content, lent. */
  hole?: number;
  bytes?: Uint8Array;
}

/** Requests, one after the other. */
export type Requests = Generator<Request, void, Answer>;

const DEVICES_MAX = 4;
const ENTRIES_MAX = 16;
const OPENED_MAX = 40;
const DEPTH_MAX = 3;
/** Bytes of content, as files say how large they are. */
const CONTENT_MAX = 512 * 1024;
/** Reads of one file. */
const READS_MAX = 2;

/** Looks at devices, at some of the files on each, at what would be booted; `most` files are opened. */
export function* lookAround(most = OPENED_MAX): Requests {
  const { value } = yield { op: "describe" };
  const { current, pools, volumes } = value as Description;
  const datasets = pools.flatMap((pool) => pool.datasets);
  const room = { bytes: CONTENT_MAX };
  for (const { device } of [...volumes, ...datasets].slice(0, DEVICES_MAX)) yield* walk(device, room, most);
  yield { op: "system", device: current };
}

function* walk(device: string, room: { bytes: number }, most: number): Requests {
  let opened = 0;
  const waiting = [{ path: `${device}/`, depth: 0 }];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    for (const flags of [0, OPEN_LINK, OPEN_UNPACKED]) {
      if (++opened > most) return;
      const { value } = yield { op: "open", path: next.path, flags };
      if (value === undefined) continue;
      const { handle, size = 0, type } = value as { handle: number; size?: number; type: string };
      if (type === "directory" && flags === 0) {
        const { value: listed } = yield { op: "list", handle, most: ENTRIES_MAX, details: true };
        if (next.depth < DEPTH_MAX)
          for (const { name } of (listed as { entries: { name: string }[] } | undefined)?.entries ?? [])
            waiting.push(...pathsOf(`${next.path}${name}`).map((path) => ({ path, depth: next.depth + 1 })));
      } else if (type !== "directory" && flags !== OPEN_LINK && size <= room.bytes) {
        room.bytes -= size;
        yield* readSome(handle);
      }
      yield { op: "release", handle };
      // A directory is the same however it is opened.
      if (type === "directory") break;
    }
  }
}

/** How an entry is asked for: as itself, as a directory, and as what is unpacked from it. */
function pathsOf(path: string): string[] {
  const packed = /\.(gz|bz2|xz|zst|lz4)$/.exec(path);
  return packed === null ? [path, `${path}/`] : [path, path.slice(0, packed.index)];
}

function* readSome(handle: number): Requests {
  let position = 0;
  for (let i = 0; i < READS_MAX; i++) {
    const { bytes, hole = 0 } = yield { op: "read", handle, position, places: false };
    if (bytes === undefined || bytes.length === 0) return;
    position += hole + bytes.length;
  }
}

/** No handle that was given. */
const NO_HANDLE = 0x7fff0000;

/**
 * What a text says, a request a line: `open PATH FLAGS`, `list NUMBER MOST`, `read NUMBER POSITION`, `release NUMBER`,
 * `system DEVICE`. Numbers count what was opened, as handles of the core and those of the package aren't the same.
 */
export function* askedFor(text: string): Requests {
  const handles: (number | undefined)[] = [];
  yield { op: "describe" };
  for (const line of text.split("\n")) {
    const [op = "", name = "", number = ""] = line.split("\t");
    const value = Number(number);
    const index = Number(name) & 0xffff;
    const handle = handles[index] ?? NO_HANDLE + index;
    if (op === "open") {
      const { value: opened } = yield { op, path: name, flags: value & 3 };
      if (opened !== undefined) handles.push((opened as { handle: number }).handle);
    } else if (op === "list") yield { op, handle, most: (value & 0x7fffffff) % 5000, details: value % 2 === 0 };
    else if (op === "read" && Number.isSafeInteger(value) && value >= 0)
      yield { op, handle, position: value, places: false };
    else if (op === "release") {
      yield { op, handle };
      handles[index] = undefined;
    } else if (op === "system") yield { op, device: name };
  }
}
