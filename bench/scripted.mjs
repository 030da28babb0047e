// What the rows of the flavours with scripts share: where FreeBSD's scripts are, and whole boots of a guest with
// scripts beside the floor.
import { makeGuest, openFloor } from "./guest.mjs";

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

/**
 * Whole boots of `guest` in a process that has done so before: median in ms, that of the floor, which is measured after
 * each of them, the last result and its console.
 */
export async function warmBoots(guest, options) {
  const { boot, FileDisk, KeysConsole } = await import("userboot-wasm");
  const floor = openFloor(guest);
  let result;
  let text;
  const floors = [];
  const once = async () => {
    const disk = new FileDisk(guest.path);
    const console = new KeysConsole([]);
    const began = performance.now();
    result = await boot({ ...options, disks: [disk], console });
    const ms = performance.now() - began;
    disk.close();
    text = console.text;
    if (result.reason !== "exec") throw new Error(`${guest.path} doesn't boot: ${text}`);
    result.release();
    floors.push(floor.read());
    return ms;
  };
  await series(WARM_UP, once);
  floors.length = 0;
  const ms = await series(RUNS, once);
  const floorMs = floors.sort((a, b) => a - b)[RUNS >> 1];
  const loopMs = floor.inLoop();
  floor.close();
  return { ms, floorMs, loopMs, result, text };
}

/** The rows of whole boots of `guest`, whose ratio to the floor is to be `target` at most. */
export async function bootRows({ row }, flavour, name, guest, options, target) {
  const boots = await warmBoots(guest, options);
  row(`${flavour}: warm boot, ${name}`, boots.ms, "ms");
  row("  floor: reading the loaded bytes, after each boot", boots.floorMs, "ms");
  row("  ratio", boots.ms / boots.floorMs, "x", target);
  row("  ratio to the floor in a loop of its own", boots.ms / boots.loopMs, "x");
  row("  module memory", boots.result.moduleMemory / MIB, "MiB");
  return boots;
}
