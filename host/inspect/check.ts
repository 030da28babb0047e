// Whether what came out of an inspection's cell is what it looks like: every value has the type that the caller is promised,
// texts and lists are of bounded length. What it says of the images is theirs.

import { DISKS_MAX } from "../disks/disk.js";
import { lookedList } from "../isolation/check.js";
import {
  bytes,
  type Check,
  flag,
  list,
  number,
  object,
  one,
  plainError,
  text,
  tuple,
  whole,
} from "../isolation/shape.js";
import { NOWHERE, type Run } from "../memory/places.js";
import { CONTENT_MAX } from "./limits.js";
import { type InspectMessage, LIST_MAX, RUNS_MAX } from "./protocol.js";

/** Characters of a text: a name, a path, a problem; values of configuration may be longer. */
const TEXT_MAX = 70_000;
/** Characters of a file's name, and of where a link leads to: the file systems that are read have less. */
const NAME_MAX = 2048;
/** Items of one list. */
const ITEMS_MAX = 200_000;
/** How deep vdevs may be inside each other. */
const DEPTH_MAX = 12;

const upTo =
  (most: number): Check =>
  (value) =>
    text(value) && (value as string).length <= most;
const short = upTo(TEXT_MAX);
/** One character a byte: others would be other ones as texts. */
const fileName: Check = (value) => upTo(NAME_MAX)(value) && !/[^\x00-\xff]/.test(value as string);
const some =
  (check: Check, most = ITEMS_MAX): Check =>
  (value) =>
    list(check)(value) && (value as unknown[]).length <= most;
const signed: Check = (value) => number(value) && Number.isSafeInteger(value);
const small: Check = (value) => whole(value) && (value as number) <= 0xffff_ffff;
const type = one("file", "directory", "link", "other");

const status = { type, size: whole, mode: small, uid: small, gid: small, mtime: signed, target: fileName };
const { type: _type, ...statusMore } = status;

const opened = object({ handle: whole, type }, statusMore);
const entry = object({ name: fileName, type }, { ...statusMore, error: whole });
const listed = object({ entries: some(entry, LIST_MAX), more: flag });
/** One that says that there is more gives something, so that lists end by the limit of what they may have. */
const entries: Check = (value) => {
  if (!listed(value)) return false;
  const { entries, more } = value as { entries: unknown[]; more: boolean };
  return !more || entries.length > 0;
};

const partition = object(
  { name: short, type: short, start: whole, size: whole },
  { cut: flag, label: short, guid: short, typeGuid: short },
);
const disk = object({
  name: short,
  format: short,
  size: whole,
  sectorSize: whole,
  scheme: short,
  partitions: some(partition),
  problems: some(short),
});
const volume = object(
  { device: short, size: whole, problems: some(short) },
  {
    fileSystem: short,
    kind: short,
    label: short,
    capacity: whole,
    used: whole,
    clean: flag,
    content: short,
    pool: short,
    unreadable: short,
  },
);
const vdev =
  (depth: number): Check =>
  (value) =>
    object(
      { name: short, type: short, state: short, vdevs: some(depth < DEPTH_MAX ? vdev(depth + 1) : () => false) },
      { device: short, guid: short, problem: short },
    )(value);
const dataset = object(
  { name: short, device: short, bootEnvironment: flag, active: flag, once: flag },
  { problem: short, used: whole },
);
const pool = object({
  name: short,
  guid: short,
  state: short,
  vdevs: some(vdev(0)),
  features: some(object({ name: short, readable: flag })),
  datasets: some(dataset),
  problems: some(short),
});
/** The first answer. */
export const description = object(
  { current: short, disks: some(disk, DISKS_MAX), volumes: some(volume), pools: some(pool) },
  { bootProblem: lookedList },
);

const fromFile = { file: short };
const setting = object({ name: short, value: short, file: short, line: whole });
const system = object(
  {
    device: short,
    kernels: some(
      object({ path: short, machine: short }, { version: short, built: short, osreldate: whole, problem: short }),
    ),
    loaderConf: some(setting),
    fstab: some(object({ device: short, mountPoint: short, fsType: short, options: short, file: short, line: whole })),
    rcConf: some(setting),
    problems: some(short),
  },
  {
    release: object({ value: short, ...fromFile }),
    osreldate: object({ value: whole, ...fromFile }),
    interpreter: object({ value: short, ...fromFile }, { offset: whole }),
    hostname: object({ value: short, ...fromFile }),
    root: object({ value: short, ...fromFile }),
    kernel: object({ value: short, ...fromFile }),
  },
);

/** By request: what its value is. */
const VALUES = {
  open: opened,
  list: entries,
  hash: (value: unknown) => typeof value === "string" && /^[0-9a-f]{64}$/.test(value),
  release: (value: unknown) => value === null,
  system,
  start: description,
  read: () => false,
} satisfies Record<string, Check>;

const content: Check = (value) => bytes(value) && (value as Uint8Array).length <= CONTENT_MAX;
const failed = object({ type: text, error: plainError });
const runs: Check = (value) =>
  some(
    tuple(whole, (unit) => unit === NOWHERE || whole(unit), whole),
    RUNS_MAX,
  )(value) &&
  // None without bytes, so that whoever goes through a file gets on.
  (value as Run[]).every(([size]) => size > 0);
const contentMessage = object({ type: text, runs, bytes: content });

/**
 * The message, when it is one that answers a request of kind `op`.
 * @throws TypeError when it is not
 */
export function checkedAnswer(message: unknown, op: keyof typeof VALUES): InspectMessage {
  const answer = message as InspectMessage;
  const kind = (message as { type?: unknown } | null)?.type;
  const good =
    (kind === "failed" && failed(message)) ||
    (kind === "content" && op === "read" && contentMessage(message)) ||
    (kind === "value" && object({ type: text, value: VALUES[op] })(message));
  if (good) return answer;
  throw new TypeError(`it sent what is no answer to ${op}`);
}
