// `userboot inspect`: one screen on what is in images, and whether they would boot.

import { UserbootError } from "../errors.js";
import type { DiskInfo, Inspection, PoolInfo, SystemInfo, VdevInfo, VolumeInfo } from "../index.js";
import { isPoolsOwn, poolFault } from "../inspect/verdict.js";
import { printableJson } from "../json_text.js";
import { sizeText } from "../sizes.js";
import { guarded } from "./guarded.js";
import { type InspectArguments, say, withImages } from "./inspect_common.js";
import { STATUS_FAILED } from "./statuses.js";

/** Lines of a list that are shown; --json has all. */
const LINES_MAX = 40;

/** Shows what is in the images. The exit status: 0 when they would boot, 1 when not. */
export function inspectCommand(args: InspectArguments): Promise<number> {
  return guarded(() =>
    withImages(args, async (guest) => {
      const { system, missing } = await bootable(guest);
      const { bootProblem, device, disks, pools, volumes } = guest;
      if (args.json) {
        const facts = { device, disks, volumes, pools, ...(system && { system }), missing: missing ?? null };
        process.stdout.write(printableJson({ ...facts, ...(bootProblem && { bootProblem }) }));
      } else show(guest, system, missing);
      return missing === undefined ? 0 : STATUS_FAILED;
    }),
  );
}

/** What would be booted, and what is missing for that. */
async function bootable(guest: Inspection): Promise<{ system?: SystemInfo; missing?: string }> {
  try {
    const system = await guest.system();
    return { system, ...(system.missing === undefined ? {} : { missing: system.missing }) };
  } catch (error) {
    const pool = guest.volumes.find(({ device }) => device === guest.device)?.pool;
    if (error instanceof UserbootError) return { missing: poolFault(guest.pools, pool) ?? error.message };
    throw error;
  }
}

function show(guest: Inspection, system: SystemInfo | undefined, missing: string | undefined): void {
  for (const disk of guest.disks) showDisk(disk, guest.volumes);
  for (const pool of guest.pools) showPool(pool);
  // What was said with its disk or pool isn't said again.
  const said = new Set([...guest.disks, ...guest.volumes, ...guest.pools].flatMap(({ problems }) => problems));
  const looked = (guest.bootProblem ?? [])
    .map(({ name, found }) => `${name}: ${found}`)
    .filter((one) => !said.has(one));
  for (const line of looked.slice(0, LINES_MAX)) say(`  ${line}`);
  if (looked.length > LINES_MAX) say(`  and ${looked.length - LINES_MAX} more, which --json lists`);
  if (system !== undefined) showSystem(system);
  const kernel = system?.kernel?.value ?? "a kernel";
  const interpreter = system?.interpreter?.value ?? "any interpreter";
  const others = guest.volumes.filter(({ device, fileSystem }) => fileSystem !== undefined && device !== guest.device);
  if (missing !== undefined) say(`won't boot: ${missing}`);
  else say(`will boot: ${guest.device} with ${interpreter}, ${kernel}, root ${system?.root?.value}`);
  if (system === undefined && others.length > 0) {
    const devices = others.slice(0, LINES_MAX).map(({ device }) => device);
    say(`there are file systems on ${devices.join(" ")} (boot --currdev ${devices[0]})`);
  }
}

/** What a volume holds, in a few words. */
function contentOf({ clean, content, fileSystem, kind, label, pool, unreadable, used, capacity }: VolumeInfo): string {
  const words: string[] = [];
  if (fileSystem !== undefined) words.push(kind ?? fileSystem);
  else if (pool !== undefined) words.push(`ZFS pool ${pool}`);
  else if (content !== undefined) words.push(content);
  if (label !== undefined) words.push(`"${label}"`);
  if (used !== undefined && capacity !== undefined) words.push(`${sizeText(used)} of ${sizeText(capacity)} used`);
  if (clean !== undefined) words.push(clean ? "clean" : "not left in order");
  if (unreadable !== undefined) words.push(`can't be read: ${unreadable}`);
  return words.join(", ") || "nothing known by sight";
}

function showDisk(
  { format, name, partitions, problems, scheme, sectorSize, size }: DiskInfo,
  volumes: readonly VolumeInfo[],
): void {
  say(`${name}: ${format}, ${sizeText(size)} in sectors of ${sectorSize}, ${scheme}`);
  const whole = volumes.find(({ device }) => device === `${name}:`);
  if (whole !== undefined) say(`  ${name}:  ${contentOf(whole)}`);
  const first = partitions.slice(0, LINES_MAX);
  const width = Math.max(...first.map((one) => one.name.length));
  for (const { cut, label, name: own, size: bytes, type } of first) {
    const volume = volumes.find(({ device }) => device === `${own}:`);
    const words = [type, sizeText(bytes), label && `"${label}"`, cut && "cut off by the end of the disk"];
    const content = volume === undefined ? "" : contentOf(volume);
    say(`  ${own.padEnd(width)}  ${words.filter(Boolean).join(", ")}${content && `: ${content}`}`);
  }
  if (partitions.length > LINES_MAX) say(`  and ${partitions.length - LINES_MAX} more partitions`);
  // Not disk10's with disk1's.
  const isIts = ({ device }: VolumeInfo) => device.startsWith(name) && !/\d/.test(device.charAt(name.length));
  const found = volumes.filter(isIts).flatMap((volume) => volume.problems);
  showProblems([...problems, ...found]);
}

function showProblems(problems: readonly string[]): void {
  for (const problem of [...new Set(problems)].slice(0, LINES_MAX)) say(`  ! ${problem}`);
}

function showPool({ datasets, features, name, problems, state, vdevs }: PoolInfo): void {
  say(`zfs:${name}: ${state}`);
  for (const vdev of vdevs) showVdev(vdev, 1);
  const unread = features.filter(({ readable }) => !readable);
  for (const feature of unread) say(`  ! feature ${feature.name} can't be read`);
  for (const dataset of datasets.slice(0, LINES_MAX)) {
    const marks = [
      dataset.active && "booted from",
      dataset.once && "booted from once",
      dataset.bootEnvironment && !dataset.active && "boot environment",
      dataset.used !== undefined && `${sizeText(dataset.used)} used`,
      dataset.problem,
    ].filter(Boolean);
    say(`  ${dataset.device}${marks.length > 0 ? `  ${marks.join(", ")}` : ""}`);
  }
  if (datasets.length > LINES_MAX) say(`  and ${datasets.length - LINES_MAX} more data sets`);
  showProblems([...problems.filter(isPoolsOwn), ...problems]);
}

function showVdev({ device, name, problem, state, vdevs }: VdevInfo, depth: number): void {
  const words = [state, device, problem].filter(Boolean).join(", ");
  say(`${"  ".repeat(depth)}${name}  ${words}`);
  for (const vdev of vdevs) showVdev(vdev, depth + 1);
}

function showSystem(system: SystemInfo): void {
  const { architecture, fstab, hostname, interpreter, kernels, loaderConf, osreldate, problems, release, root } =
    system;
  const rows: [string, string | undefined][] = [
    ["release", release && `${release.value} (${release.file})`],
    ["osreldate", osreldate && `${osreldate.value} (${osreldate.file})`],
    ["architecture", architecture],
    ["host name", hostname && `${hostname.value} (${hostname.file})`],
    ["interpreter", interpreter && `${interpreter.value} (${interpreter.file})`],
    ...kernels.map(({ machine, path, problem, version }): [string, string] => [
      "kernel",
      [path, machine, version, problem].filter(Boolean).join(", "),
    ]),
    ["root", root && `${root.value}${root.file && ` (${root.file})`}`],
    ...fstab.map(({ device, fsType, mountPoint, options }): [string, string] => [
      "fstab",
      `${device} on ${mountPoint}, ${fsType}, ${options}`,
    ]),
    ...loaderConf
      .filter(({ file }) => !file.startsWith("/boot/defaults/") && file !== "/boot/device.hints")
      .map(({ file, name, value }): [string, string] => ["loader.conf", `${name}="${value}" (${file})`]),
  ];
  say(`boot device ${system.device}`);
  const filled = rows.filter((row): row is [string, string] => row[1] !== undefined);
  for (const [name, text] of filled.slice(0, LINES_MAX)) say(`  ${name.padEnd(12)}  ${text}`);
  if (filled.length > LINES_MAX) say(`  and ${filled.length - LINES_MAX} more, which --json lists`);
  showProblems(problems);
}
