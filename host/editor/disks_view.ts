// What there is, as a tree: disks with their partitions, drawn to scale, file systems, pools with data sets, sizes and health.

import type { DatasetInfo, DiskInfo, PartitionInfo, PoolInfo, VdevInfo, VolumeInfo } from "../inspect/facts.js";
import { sizeText } from "../sizes.js";
import { firstOf, h, ROWS_MAX, shown } from "./dom.js";
import type { Guest } from "./guest.js";

/** Disks and pools of `guest`; `onBrowse` is told of a device whose files are wanted. */
export function disksView(guest: Guest, onBrowse: (device: string) => void): HTMLElement[] {
  const { inspection } = guest;
  if (inspection === undefined) return [];
  const { disks, pools, volumes } = inspection;
  const cards = disks.map((disk, at) => diskCard(disk, guest.images[at]?.name ?? disk.name, volumes, onBrowse));
  return [...cards, ...firstOf(pools, "p", (pool) => poolCard(pool, onBrowse))];
}

const notes = (problems: readonly string[]) =>
  firstOf(problems, "p", (problem) => h("p", { class: "note warn" }, shown(problem)));

function diskCard(
  disk: DiskInfo,
  name: string,
  volumes: readonly VolumeInfo[],
  onBrowse: (device: string) => void,
): HTMLElement {
  const { format, partitions, problems, scheme, sectorSize, size } = disk;
  const tops = partitions.filter(({ name }) => !nestedIn(name, partitions));
  const volumeOf = (name: string) => volumes.find(({ device }) => device === `${name}:`);
  const row = (partition: PartitionInfo): HTMLElement => {
    const inner = partitions.filter((one) => nestedIn(one.name, [partition]));
    const volume = volumeOf(partition.name);
    return h(
      "li",
      {},
      line(partition.name, [partition.type, sizeText(partition.size), partition.label && `“${partition.label}”`]),
      partition.cut && chip("ends behind the disk", "bad"),
      volume && volumeRow(volume, onBrowse),
      inner.length > 0 && h("ul", {}, ...firstOf(inner, "li", row)),
    );
  };
  const whole = partitions.length === 0 ? volumeOf(disk.name) : undefined;
  return h(
    "section",
    { class: "card" },
    h("h2", {}, `${disk.name}: `, shown(name)),
    h(
      "p",
      { class: "soft" },
      shown(`${FORMATS[format] ?? format} · ${sizeText(size)} · sectors of ${sectorSize} bytes · ${scheme}`),
    ),
    partitions.length > 0 && scale(tops, size),
    h("ul", { class: "tree" }, ...firstOf(tops, "li", row), whole && h("li", {}, volumeRow(whole, onBrowse))),
    ...notes(problems),
  );
}

const FORMATS: Readonly<Record<string, string>> = {
  raw: "raw image",
  qcow2: "qcow2 image (recognised)",
  vmdk: "VMDK image (recognised)",
  vhd: "VHD image (recognised)",
  vhdx: "VHDX image (recognised)",
  vdi: "VDI image (recognised)",
};

/** Whether `name` is a part of one of `others`: `disk0s1a` of `disk0s1`. */
const nestedIn = (name: string, others: readonly PartitionInfo[]) =>
  others.some((one) => name !== one.name && name.startsWith(one.name) && /^[a-z]$/.test(name.slice(one.name.length)));

function line(name: string, facts: readonly (string | undefined)[]): HTMLElement {
  const told = facts.filter((fact): fact is string => Boolean(fact));
  return h(
    "div",
    { class: "row" },
    h("strong", {}, shown(name)),
    h("span", { class: "soft" }, shown(told.join(" · "))),
  );
}

const chip = (text: string, kind: "good" | "bad" | "warn" | "") => h("span", { class: `chip ${kind}` }, shown(text));

function volumeRow(volume: VolumeInfo, onBrowse: (device: string) => void): HTMLElement {
  const { capacity, clean, content, device, fileSystem, kind, label, pool, problems, unreadable, used } = volume;
  const what = kind ?? fileSystem ?? (pool !== undefined ? `part of the pool ${pool}` : content);
  const room =
    capacity !== undefined &&
    (used === undefined ? sizeText(capacity) : `${sizeText(used)} of ${sizeText(capacity)} used`);
  return h(
    "div",
    {},
    h(
      "div",
      { class: "row" },
      h("span", {}, shown(what ?? "nothing known by sight")),
      label !== undefined && h("span", { class: "soft" }, shown(`“${label}”`)),
      room !== false && h("span", { class: "soft" }, room),
      clean === true && chip("clean", "good"),
      clean === false && chip("not unmounted properly", "warn"),
      fileSystem !== undefined && browse(device, onBrowse),
    ),
    unreadable !== undefined && h("p", { class: "note bad" }, shown(unreadable)),
    ...notes(problems),
  );
}

const browse = (device: string, onBrowse: (device: string) => void) =>
  h(
    "button",
    { type: "button", class: "plain", "aria-label": `Files of ${shown(device)}`, onclick: () => onBrowse(device) },
    "Files",
  );

/** The partitions on the disk, to scale. */
function scale(partitions: readonly PartitionInfo[], size: number): HTMLElement {
  const bar = h("div", { class: "parts", role: "img", "aria-label": "Partitions, to scale" });
  let end = 0;
  const piece = (length: number, name?: string) => {
    const part = h("i", name === undefined ? { class: "gap" } : { title: name });
    part.style.flex = `${length / size} 0 0`;
    bar.append(part);
  };
  for (const { name, size: length, start } of [...partitions].sort((a, b) => a.start - b.start).slice(0, ROWS_MAX)) {
    if (start > end) piece(start - end);
    piece(Math.min(length, size), shown(`${name}: ${sizeText(length)} at ${sizeText(start)}`));
    end = Math.max(end, start + length);
  }
  if (size > end) piece(size - end);
  return bar;
}

function poolCard(pool: PoolInfo, onBrowse: (device: string) => void): HTMLElement {
  const { datasets, features, name, problems, state, vdevs } = pool;
  const unread = features.filter(({ readable }) => !readable).map((feature) => feature.name);
  return h(
    "section",
    { class: "card" },
    h("h2", {}, "Pool ", shown(name), " ", health(state)),
    h("ul", { class: "tree" }, ...firstOf(vdevs, "li", vdevRow)),
    h("h3", {}, "Data sets"),
    h("ul", { class: "tree" }, ...firstOf(datasets, "li", (dataset) => datasetRow(dataset, onBrowse))),
    unread.length > 0 && h("p", { class: "note bad" }, shown(`Features that can't be read: ${unread.join(", ")}`)),
    ...notes(problems),
  );
}

const health = (state: string) => chip(state, state === "ONLINE" ? "good" : state === "DEGRADED" ? "warn" : "bad");

function vdevRow({ device, name, problem, state, type, vdevs }: VdevInfo): HTMLElement {
  return h(
    "li",
    {},
    h("div", { class: "row" }, line(name, [type, device]), health(state)),
    problem !== undefined && h("p", { class: "note warn" }, shown(problem)),
    vdevs.length > 0 && h("ul", {}, ...firstOf(vdevs, "li", vdevRow)),
  );
}

function datasetRow(dataset: DatasetInfo, onBrowse: (device: string) => void): HTMLElement {
  const { active, bootEnvironment, device, name, once, problem, used } = dataset;
  return h(
    "li",
    {},
    h(
      "div",
      { class: "row" },
      line(name, [used === undefined ? undefined : sizeText(used)]),
      bootEnvironment && chip("boot environment", ""),
      active && chip("booted from", "good"),
      once && chip("next time only", "warn"),
      problem === undefined && browse(device, onBrowse),
    ),
    problem !== undefined && h("p", { class: "note warn" }, shown(problem)),
  );
}
