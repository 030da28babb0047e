// QEMU's command lines: its PCs, which load a Multiboot image, and its microvm, which loads a PVH ELF.
// Serial port and monitor share the terminal (Ctrl-A X ends QEMU).

import type { MapProfile } from "./maps.js";
import { QmpWatch } from "./qmp.js";
import { type Accelerator, CONTROL_FD, type Vmm, type VmmGuest } from "./vmm.js";

const KIB = 1024;

/**
 * The processor that a guest sees. QEMU's default under KVM has features that hosts lack, and warns of each; its
 * translator has all of qemu64.
 */
const PROCESSORS: Readonly<Record<Accelerator, string>> = { kvm: "host", tcg: "qemu64" };

function common({ image, memory, accelerator, writable, followed }: VmmGuest): string[] {
  return [
    ...(accelerator === undefined ? [] : ["-accel", accelerator, "-cpu", PROCESSORS[accelerator]]),
    ...["-m", `${Math.ceil(memory / KIB)}k`],
    ...["-display", "none", "-serial", "mon:stdio", "-no-reboot", "-kernel", image],
    // No event is missed: the guest stands still until the control channel starts it.
    ...(followed
      ? ["-chardev", `socket,id=userboot,fd=${CONTROL_FD}`, "-mon", "chardev=userboot,mode=control", "-S"]
      : []),
    ...(writable ? [] : ["-snapshot"]),
  ];
}

/** A file's name as QEMU reads it: a comma from a doubled one, and what is before a colon as a protocol, but behind a slash. */
const escaped = (path: string) => (/^[^/]*:/.test(path) ? `./${path}` : path).replaceAll(",", ",,");

/** A PC with `machine`'s chipset. */
function pc(machine: string, map: MapProfile): Vmm {
  return {
    // Runs i386 guests too; qemu-system-i386 takes no 64-bit ELF.
    program: "qemu-system-x86_64",
    package: "qemu-system-x86 (Debian, Ubuntu), qemu (FreeBSD, Arch, Homebrew)",
    format: "multiboot",
    map,
    command: (guest) => [
      ...["-M", machine],
      ...common(guest),
      ...guest.disks.flatMap((disk) => ["-drive", `file=${escaped(disk)},if=virtio,format=raw`]),
    ],
    watch: (send, held) => new QmpWatch(send, held),
  };
}

/** The i440FX PC, QEMU's default. */
export const qemu = pc("pc", "qemu");
/** The Q35 PC. */
export const qemuQ35 = pc("q35", "q35");

/** The machine without PCI and firmware tables: disks are virtio's on its own bus. */
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
