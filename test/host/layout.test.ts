// How the images of a boot are numbered: its disks first, then the files that they are made of.

import { OptionError } from "userboot-wasm";
import { expect, it } from "vitest";
import { layOut } from "../../build/host/disks/layout.js";
import type { DiskSource } from "../../build/host/disks/source.js";

const bytes = (length: number) => new Uint8Array(length);
const disk = { size: 512, sectorSize: 512, read: () => 0 } as const;

it("disks come first, then their files, with the sectors of the disk", () => {
  const disks: DiskSource[] = [
    { image: bytes(1), format: "qcow2", files: [bytes(2), { image: bytes(3), format: "vmdk" }], sectorSize: 4096 },
    disk,
    { image: bytes(4), files: [bytes(5)] },
  ];
  const { sources, images } = layOut(disks);
  expect(images).toEqual([
    { format: "qcow2", first: 3, count: 2 },
    { format: "", first: 5, count: 0 },
    { format: "", first: 5, count: 1 },
    { format: "", first: 0, count: 0 },
    { format: "vmdk", first: 0, count: 0 },
    { format: "", first: 0, count: 0 },
  ]);
  const told = sources.map(({ image }) => image && [(image.image as Uint8Array).length, image.sectorSize]);
  expect(told).toEqual([[1, 4096], undefined, [4, undefined], [2, 4096], [3, 4096], [5, undefined]]);
  expect(sources[1]!.source).toBe(disk);
});

it("a file of a disk can't be a Disk that only its maker can use", () => {
  const refused = () => layOut([disk, { image: bytes(1), files: [bytes(1), disk as never] }]);
  expect(refused).toThrow(new OptionError("disks[1].files[1] can't be a Disk"));
});

it("32 disks may be given, and 64 with their files", () => {
  const disks = (count: number, files: number) =>
    new Array(count).fill({ image: bytes(1), files: new Array(files).fill(bytes(1)) });
  expect(layOut(disks(32, 1)).images).toHaveLength(64);
  expect(() => layOut(disks(33, 0))).toThrow(new OptionError("33 disks given, at most 32 possible"));
  const many = () => layOut([...disks(31, 1), ...disks(1, 2)]);
  expect(many).toThrow(new OptionError("65 disks and files of theirs given, at most 64 possible"));
});
