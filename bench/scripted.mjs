// What the rows of the flavours with scripts share: where FreeBSD's scripts are, and whole boots of a guest with
// scripts beside both floors.
import { closeSync, openSync, readSync } from "node:fs";
import { makeGuest } from "./guest.mjs";

const RUNS = 30;
const WARM_UP = 60;
const MIB = 1024 * 1024;
/** Names the directory `stand` of FreeBSD's sources. */
const STAND_VARIABLE = "USERBOOT_BENCH_STAND";
export const STAND_NAME = "FreeBSD's own scripts";

/** Median in ms of `count` measurements, each of which may be waited for. */
export async function series(count, measure) {
  const times = [];
  for (let i = 0; i < count; i++) times.push(await measure());
  return times.sort((a, b) => a - b)[count >> 1];
}

/** Guests by the name of their scripts: the project's own and, where `stand` is given, those of FreeBSD. */
export function scriptedGuests({ directory, leftOut }, flavour, ownScripts, standScripts) {
  const guests = [["scripts of our own", ownScripts]];
  const stand = process.env[STAND_VARIABLE];
  if (stand) guests.push([STAND_NAME, (boot) => standScripts(stand, boot)]);
  else leftOut(`${flavour}: warm boot, ${STAND_NAME}`, `${STAND_VARIABLE} isn't set`);
  return guests.map(([name, scripts], i) => [name, makeGuest(directory, `${flavour}${i}`, scripts)]);
}

/** Median in ms of whole boots of the guest at `path`, in a process that has done so before, and the last result. */
export async function warmBoots(path, options) {
  const { boot, FileDisk, KeysConsole } = await import("userboot-wasm");
  let last;
  const once = async () => {
    const disk = new FileDisk(path);
    const console = new KeysConsole([]);
    const began = performance.now();
    last = await boot({ ...options, disks: [disk], console });
    const ms = performance.now() - began;
    disk.close();
    if (last.reason !== "exec") throw new Error(`${path} doesn't boot: ${console.text}`);
    last.release();
    return { ms, text: console.text };
  };
  for (let i = 0; i < WARM_UP; i++) await once();
  let text;
  const ms = await series(RUNS, async () => {
    const one = await once();
    text = one.text;
    return one.ms;
  });
  return { ms, result: last, text };
}

/** The rows of whole boots of `guest`, which are held to `target` by both floors. */
export async function bootRows({ row, timed, median }, flavour, name, guest, options, target) {
  const fd = openSync(guest.path, "r");
  const read = (make) => timed(() => readSync(fd, make(), 0, guest.loaded, guest.kernelAt));
  const buffer = new Uint8Array(guest.loaded);
  const floor = median(RUNS, () => read(() => buffer));
  const freshFloor = median(RUNS, () => read(() => new Uint8Array(guest.loaded)));
  closeSync(fd);
  const boots = await warmBoots(guest.path, options);
  row(`${flavour}: warm boot, ${name}`, boots.ms, "ms");
  row("  ratio to reading the loaded bytes into a fresh buffer", boots.ms / freshFloor, "x", target);
  row("  ratio to reading them into the same buffer again", boots.ms / floor, "x", target);
  row("  module memory", boots.result.moduleMemory / MIB, "MiB");
  return boots;
}
