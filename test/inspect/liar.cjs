// The process of an inspection that somebody has taken over, from its first instruction on: speaks to its caller as it likes.
// Which of the lies below it tells is in LIE, a line that stands before it where it is installed (support/taken_over.ts).

const { readSync, writeSync } = require("node:fs");

const CHANNEL_FD = 3;

function write(bytes) {
  for (let at = 0; at < bytes.length; ) at += writeSync(CHANNEL_FD, bytes, at);
}

function read(size) {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; ) {
    const got = readSync(CHANNEL_FD, bytes, at, size - at, null);
    if (got === 0) process.exit();
    at += got;
  }
  return bytes;
}

function send(head, body = "") {
  const text = Buffer.from(JSON.stringify(head));
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32LE(text.length, 0);
  lengths.writeUInt32LE(body.length, 4);
  write(Buffer.concat([lengths, text, Buffer.from(body)]));
}

function receive() {
  const lengths = read(8);
  const head = JSON.parse(read(lengths.readUInt32LE(0)).toString());
  read(lengths.readUInt32LE(4));
  return head;
}

const value = (value) => send({ type: "value", value });
const sleep = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
const NOTHING = { current: "disk0:", disks: [], volumes: [], pools: [] };
const OWNER = { mode: 0o644, uid: 0, gid: 0 };
const file = (name, size) => ({ name, type: "file", ...OWNER, size });

/** Answers requests about a directory with these entries, whose files have what `content` sends. */
function serve(entries, content) {
  value(NOTHING);
  for (let opened = { type: "directory" }; ; ) {
    const request = receive();
    if (request.op === "open") {
      const name = request.path.slice(request.path.lastIndexOf("/") + 1);
      opened = entries.find((entry) => entry.name === name) ?? { type: "directory", ...OWNER };
      const { name: _name, listed: _listed, ...status } = opened;
      value({ handle: 0, ...status });
    } else if (request.op === "list")
      value({ entries: entries.map(({ listed, ...entry }) => ({ ...entry, ...listed })), more: false });
    else if (request.op === "release") value(null);
    else if (request.op === "read") content(opened, request.position);
    else send({ type: "failed", error: { name: "FileError", message: "/: no", path: "/", code: "EIO" } });
  }
}

const DISK = { format: "raw", size: 1, sectorSize: 512, scheme: "GPT", partitions: [], problems: [] };

/** A disk with so many partitions. */
function divided(count) {
  const one = (i) => ({ name: `disk0p${i}`, type: "freebsd-ufs", start: 0, size: 1 });
  describe({ disks: [{ ...DISK, name: "disk0", partitions: Array.from({ length: count }, (_, i) => one(i)) }] });
}

/** Says what there is, and that nothing of it would be booted. */
function describe(found) {
  value({ ...NOTHING, ...found });
  receive();
  send({ type: "failed", error: { name: "FileError", message: "disk0: no", path: "disk0:", code: "ENXIO" } });
}

const LIES = {
  "many partitions": () => divided(200_000),
  "too many partitions": () => divided(200_001),
  "eleven disks": () =>
    describe({
      disks: Array.from({ length: 11 }, (_, i) => ({ ...DISK, name: `disk${i}` })),
      volumes: ["disk1p1:", "disk10:"].map((device) => ({ device, size: 1, problems: [`${device} broken`] })),
    }),
  memory: () => send({ type: "memory", start: 0 }, "x".repeat(4096)),
  keys: () => send({ type: "keys", wait: false }),
  done: () => send({ type: "done", faults: 0, keysConsumed: 0, data: {} }, "x"),
  "it ends": () =>
    serve(
      Array.from({ length: 100 }, (_, i) => file(`f${i}`, 5)),
      () => process.kill(process.pid, "SIGKILL"),
    ),
  // The list says one thing of the file, and whoever opens it is told another.
  "a file that is longer": () =>
    serve([{ ...file("long", 4000), listed: { size: 0 } }], ({ size }, position) =>
      send({ type: "content", runs: [] }, "x".repeat(size - position)),
    ),
  "a file that is shorter": () =>
    serve([{ ...file("short", 5), listed: { size: 14 } }], ({ size }, position) =>
      send({ type: "content", runs: [] }, "x".repeat(size - position)),
    ),
};

receive();
send({ type: "began" });
LIES[LIE]();
sleep();
