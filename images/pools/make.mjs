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
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { isZero, PAGE, packDisks, unpackDisks, writeDisk } from "../../test/support/pages.mjs";
import * as tables from "../../test/support/partition_tables.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const LIST = join(here, "pools.json");
const MIB = 1024 * 1024;
const SECTOR = 512;
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
    "/files/noise": noise(40_003),
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
    else if (path === "/files/sparse") writeDisk(join(folder, path), sparse(content));
    else writeFileSync(join(folder, path), content);
  }
  for (let i = 1; i <= MANY; i++) writeFileSync(join(folder, `many/name-of-some-length-${i}`), `${i}\n`);
  const loaded = [...LOADED, ...LOADED_OF_SOME];
  const rc = join(folder, "boot/loader.rc");
  // What begins with a dash may fail.
  const lines = loaded.map((path, index) => `${index < LOADED.length ? "" : "-"}load -t d${index} ${path}\n`);
  writeFileSync(rc, readFileSync(rc, "utf8") + lines.join(""));
  const list = JSON.parse(readFileSync(LIST, "utf8"));
  list.files = loaded.map((path, index) => {
    const bytes = bytesOf(files, path);
    return { path, type: `d${index}`, size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  });
  save(list);
}

/** The pages of a file that aren't zeros: the rest is holes. */
function sparse(content) {
  const offsets = Array.from({ length: Math.ceil(content.length / PAGE) }, (_, page) => page * PAGE);
  const runs = offsets.map((offset) => ({ offset, bytes: content.subarray(offset, offset + PAGE) }));
  return { size: content.length, runs: runs.filter(({ bytes }) => !isZero(bytes)) };
}

const save = (list) => writeFileSync(LIST, `${JSON.stringify(list, null, 2)}\n`);

function disk(path, mebibytes = "65") {
  const first = MIB / SECTOR;
  const behind = first + (Number(mebibytes) * MIB) / SECTOR;
  const sectors = behind + first;
  const entry = { type: tables.GUID.zfs, id: `${ID}1`, first, last: behind - 1, name: "pool" };
  const table = tables.gpt({ sectors, entries: [entry], id: `${ID}0` });
  writeDisk(path, { size: sectors * SECTOR, runs: table.map(([offset, bytes]) => ({ offset, bytes })) });
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

function pack(name, ...disks) {
  const packed = packDisks(disks.map((path) => readFileSync(path)));
  writeFileSync(join(here, `${name}.pages.br`), packed);
  console.log(`${name}: ${disks.length} disks, ${packed.length >> 10} KiB`);
}

function unpack(name, folder) {
  mkdirSync(folder, { recursive: true });
  unpackDisks(readFileSync(join(here, `${name}.pages.br`))).forEach((disk, index) => {
    writeDisk(join(folder, `disk${index + 1}.img`), disk);
  });
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
