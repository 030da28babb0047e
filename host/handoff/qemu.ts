// QEMU's command lines: its PC, which loads a Multiboot image, and its microvm, which loads a PVH ELF.
// Serial port and monitor share the terminal (Ctrl-A X ends QEMU).

import type { Vmm, VmmGuest } from "./vmm.js";

const KIB = 1024;

function common({ image, memory, kvm, writable }: VmmGuest): string[] {
  const access = kvm ? ["-accel", "kvm"] : [];
  const size = ["-m", `${Math.ceil(memory / KIB)}k`];
  return [...access, ...size, "-display", "none", "-serial", "mon:stdio", "-no-reboot", "-kernel", image].concat(
    writable ? [] : ["-snapshot"],
  );
}

/** QEMU reads a comma in a file name from a doubled one. */
const escaped = (path: string) => path.replaceAll(",", ",,");

export const qemu: Vmm = {
  // Runs i386 guests too; qemu-system-i386 takes no 64-bit ELF.
  program: "qemu-system-x86_64",
  package: "qemu-system-x86 (Debian, Ubuntu), qemu (FreeBSD, Arch, Homebrew)",
  format: "multiboot",
  map: "qemu",
  command: (guest) => [
    ...["-M", "pc"],
    ...common(guest),
    ...guest.disks.flatMap((disk) => ["-drive", `file=${escaped(disk)},if=virtio,format=raw`]),
  ],
};

export const qemuMicrovm: Vmm = {
  ...qemu,
  format: "pvh",
  command: (guest) => [
    ...["-M", "microvm"],
    ...common(guest),
    ...guest.disks.flatMap((disk, index) => [
      ...["-drive", `file=${escaped(disk)},if=none,format=raw,id=disk${index}`],
      ...["-device", `virtio-blk-device,drive=disk${index}`],
    ]),
  ],
};
