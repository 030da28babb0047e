// Makes the pools of this folder, together with a machine that has OpenZFS (README.md says how):
//
//   node make.mjs tree DIR              the tree of files that goes into them; its digests go into pools.json
//   node make.mjs disk FILE [MIB]       an empty disk: GPT with one freebsd-zfs partition
//   node make.mjs script NAME PART...   the commands that make a pool of these partitions, for a shell beside `tree`
//   node make.mjs pack NAME FILE...     puts its disks into NAME.pages.br
//   node make.mjs unpack NAME DIR       and takes them out: DIR/disk1.img ...
//
// What each pool is made of is in pools.json: `create`, `put` (how the tree goes in), `then`, with disk1 ... for partitions.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  cpSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import * as tables from "../../test/support/partition_tables.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const LIST = join(here, "pools.json");
const MIB = 1024 * 1024;
const SECTOR = 512;
const PAGE = 4096;
const ZEROS = Buffer.alloc(PAGE);
const ID = "75736572-0000-4000-8000-00000000001";

/** Reproducible bytes that don't compress. */
function noise(size) {
  const bytes = Buffer.alloc(size);
  let x = 0x2545f491;
  for (let i = 0; i < size; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    bytes[i] = x >>> 24;
  }
  return bytes;
}

/** Lines that compress well; they repeat when there are many. */
const text = (size) =>
  Buffer.from(Array.from({ length: size / 16 + 1 }, (_, i) => `line ${(i % 2039) * 7919} of some\n`).join("")).subarray(
    0,
    size,
  );

const LONG = "L".repeat(200);
const MANY = 3000;

/** The files by path; a string is the target of a link. */
function contents() {
  const sparse = Buffer.alloc(700_000);
  text(5000).copy(sparse, 0);
  noise(3000).copy(sparse, 300_000);
  return {
    "/files/big": text(6_000_000),
    "/files/empty": Buffer.alloc(0),
    "/files/one": Buffer.from("1"),
    "/files/t513": text(513),
    "/files/noise": noise(66_003),
    "/files/text": text(400_000),
    "/files/sparse": sparse,
    [`/files/${LONG}`]: text(5000),
    "/link": "files/t513",
    "/files/absolute": "/files/one",
    "/folder": "files",
    "/files/chain": "../link",
  };
}

/** What loader.rc loads, in order; the last ones aren't in every tree. */
const LOADED = [...Object.keys(contents()).filter((path) => !["/folder", "/files/big"].includes(path)), "/folder/text"];
const LOADED_OF_SOME = ["/files/big", "/many/name-of-some-length-1", `/many/name-of-some-length-${MANY}`];

/** The bytes behind a path. */
function bytesOf(files, path) {
  if (path.startsWith("/many/")) return Buffer.from(`${path.split("-").pop()}\n`);
  const found = files[path.replace("/folder/", "/files/")];
  return typeof found === "string" ? bytesOf(files, posix.resolve(posix.dirname(path), found)) : found;
}

function tree(folder) {
  const build = mkdtempSync(join(tmpdir(), "pools-"));
  execFileSync("make", ["-s", "-C", join(here, ".."), `OUT=${build}`]);
  mkdirSync(join(folder, "boot", "kernel"), { recursive: true });
  for (const part of ["common", "amd64"]) cpSync(join(here, "..", "trees", part), folder, { recursive: true });
  for (const name of ["kernel", "ubdemo.ko"]) cpSync(join(build, "amd64", name), join(folder, "boot/kernel", name));
  rmSync(build, { recursive: true });
  writeFileSync(join(folder, "boot/loader"), "Stands in for the guest's loader.\n$Interpreter:simp\0\n");
  const files = contents();
  mkdirSync(join(folder, "files"));
  mkdirSync(join(folder, "many"));
  for (const [path, content] of Object.entries(files)) {
    if (typeof content === "string") symlinkSync(content, join(folder, path));
    else if (path === "/files/sparse") writeSparse(join(folder, path), content);
    else writeFileSync(join(folder, path), content);
  }
  for (let i = 1; i <= MANY; i++) writeFileSync(join(folder, `many/name-of-some-length-${i}`), `${i}\n`);
  const loaded = [...LOADED, ...LOADED_OF_SOME];
  const rc = join(folder, "boot/loader.rc");
  const lines = loaded.map((path, index) => `load -t d${index} ${path}\n`);
  writeFileSync(rc, readFileSync(rc, "utf8") + lines.join(""));
  const list = JSON.parse(readFileSync(LIST, "utf8"));
  list.files = loaded.map((path, index) => {
    const bytes = bytesOf(files, path);
    return { path, type: `d${index}`, size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  });
  save(list);
}

/** Writes a file whose zeros are holes. */
function writeSparse(path, bytes) {
  const file = openSync(path, "w");
  for (let at = 0; at < bytes.length; at += PAGE) {
    const piece = bytes.subarray(at, at + PAGE);
    if (!piece.equals(ZEROS.subarray(0, piece.length))) writeSync(file, piece, 0, piece.length, at);
  }
  ftruncateSync(file, bytes.length);
  closeSync(file);
}

const save = (list) => writeFileSync(LIST, `${JSON.stringify(list, null, 2)}\n`);

function disk(path, mebibytes = "65") {
  const first = MIB / SECTOR;
  const behind = first + (Number(mebibytes) * MIB) / SECTOR;
  const sectors = behind + first;
  const entry = { type: tables.GUID.zfs, id: `${ID}1`, first, last: behind - 1, name: "pool" };
  const file = openSync(path, "w");
  for (const [at, bytes] of tables.gpt({ sectors, entries: [entry], id: `${ID}0` }))
    writeSync(file, bytes, 0, bytes.length, at);
  ftruncateSync(file, sectors * SECTOR);
  closeSync(file);
}

/** One pool of the list. */
function poolOf(name) {
  const pool = JSON.parse(readFileSync(LIST, "utf8")).pools[name];
  if (pool === undefined) throw new Error(`pools.json has no ${name}`);
  return pool;
}

function script(name, ...partitions) {
  const pool = poolOf(name);
  const part = (_, digits) => partitions[Number(digits) - 1] ?? `disk${digits}`;
  const lines = (commands = "") => commands.split("; ").map((command) => command.replace(/\bdisk([0-9]+)\b/g, part));
  const setUp = [
    "zfs create -o mountpoint=none zroot/ROOT",
    `zfs create -o mountpoint=/ -o canmount=noauto ${pool.root ?? ""} zroot/ROOT/default`,
    "mount -t zfs -o zfsutil zroot/ROOT/default /mnt",
  ];
  const put = pool.put ?? "cp -a tree/. /mnt/";
  const end = ["zpool set bootfs=zroot/ROOT/default zroot", "zpool sync zroot"];
  const close = pool.open ? ["zpool sync zroot"] : ["umount /mnt", "zpool export zroot"];
  const unwanted = [
    ...(pool.tree === "many" ? [] : ["rm -r tree/many"]),
    ...(pool.tree === "big" ? [] : ["rm tree/files/big"]),
  ];
  const all = ["set -ex", ...unwanted, ...lines(pool.create), ...setUp, ...lines(put), ...end];
  console.log([...all, ...lines(pool.then), ...close].filter((line) => line !== "").join("\n"));
}

/**
 * Most of a disk is zeros, and metadata lies on it several times: what is kept is a line of JSON that says how long each
 * disk is and which pages of 4 KiB are not zeros, as first page and number, then those pages, all in Brotli.
 */
function pack(name, ...disks) {
  const header = [];
  const pages = [];
  for (const path of disks) {
    const bytes = readFileSync(path);
    const runs = [];
    for (let at = 0; at < bytes.length; at += PAGE) {
      const page = bytes.subarray(at, at + PAGE);
      if (page.equals(ZEROS)) continue;
      pages.push(page);
      const last = runs[runs.length - 1];
      if (last !== undefined && last[0] + last[1] === at / PAGE) last[1]++;
      else runs.push([at / PAGE, 1]);
    }
    header.push({ size: bytes.length, runs });
  }
  const all = Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), ...pages]);
  const params = { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: all.length };
  const target = join(here, `${name}.pages.br`);
  writeFileSync(target, brotliCompressSync(all, { params }));
  console.log(`${name}: ${disks.length} disks, ${all.length >> 10} KiB, ${statSync(target).size >> 10} KiB compressed`);
}

function unpack(name, folder) {
  const all = brotliDecompressSync(readFileSync(join(here, `${name}.pages.br`)));
  let from = all.indexOf("\n") + 1;
  mkdirSync(folder, { recursive: true });
  for (const [index, { size, runs }] of JSON.parse(all.subarray(0, from)).entries()) {
    const file = openSync(join(folder, `disk${index + 1}.img`), "w");
    for (const [first, count] of runs) from += writeSync(file, all, from, count * PAGE, first * PAGE);
    ftruncateSync(file, size);
    closeSync(file);
  }
}

const [command, ...words] = process.argv.slice(2);
const commands = { tree, disk, script, pack, unpack };
if (!Object.hasOwn(commands, command ?? "") || words.length === 0) {
  console.error(
    "usage: node make.mjs tree DIR | disk FILE [MIB] | script NAME PART... | pack NAME FILE... | unpack NAME DIR",
  );
  process.exit(2);
}
commands[command](...words);
