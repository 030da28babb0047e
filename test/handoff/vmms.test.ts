// How monitors are started, word by word, without one: QEMU's machines, and what names there are.

import { OptionError } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import type { VmmGuest } from "../../build/host/handoff/vmm.js";
import { VMM_NAMES, type VmmName, vmmNamed } from "../../build/host/handoff/vmms.js";

const MIB = 1024 * 1024;
const guest: VmmGuest = {
  ...{ image: "/guest", memory: 64 * MIB, disks: ["/a", "/b"] },
  ...{ writable: true, accelerator: undefined, followed: false },
};
const command = (name: VmmName, more: Partial<VmmGuest> = {}) => vmmNamed(name).command({ ...guest, ...more });

const START = ["-m", "65536k", "-display", "none", "-serial", "mon:stdio", "-no-reboot", "-kernel", "/guest"];
const PC_DISKS = ["-drive", "file=/a,if=virtio,format=raw", "-drive", "file=/b,if=virtio,format=raw"];

describe("QEMU", () => {
  it.each([
    ["qemu", "pc"],
    ["q35", "q35"],
  ] as const)("%s is a PC with disks that the firmware sees", (name, machine) => {
    expect(command(name)).toEqual(["-M", machine, ...START, ...PC_DISKS]);
    expect(vmmNamed(name)).toMatchObject({ program: "qemu-system-x86_64", format: "multiboot", map: name });
  });

  it("microvm has disks on its own bus", () => {
    const disks = ["a", "b"].flatMap((disk, index) => [
      ...["-drive", `file=/${disk},if=none,format=raw,id=disk${index}`],
      ...["-device", `virtio-blk-device,drive=disk${index}`],
    ]);
    expect(command("microvm")).toEqual(["-M", "microvm", ...START, ...disks]);
    expect(vmmNamed("microvm")).toMatchObject({ program: "qemu-system-x86_64", format: "pvh", map: "qemu" });
  });

  it("has the processor that its accelerator has", () => {
    const rest = [...START, ...PC_DISKS];
    expect(command("qemu", { accelerator: "kvm" })).toEqual(["-M", "pc", "-accel", "kvm", "-cpu", "host", ...rest]);
    expect(command("qemu", { accelerator: "tcg" })).toEqual(["-M", "pc", "-accel", "tcg", "-cpu", "qemu64", ...rest]);
  });

  it("stands still until its control channel starts it, and writes to its disks only when it may", () => {
    const channel = ["-chardev", "socket,id=userboot,fd=3", "-mon", "chardev=userboot,mode=control", "-S"];
    expect(command("qemu", { followed: true, disks: [] })).toEqual(["-M", "pc", ...START, ...channel]);
    expect(command("qemu", { writable: false, disks: [] })).toEqual(["-M", "pc", ...START, "-snapshot"]);
  });

  it("has KiB of memory, the last one whole", () => {
    expect(command("qemu", { memory: 64 * MIB + 1 })).toContain("65537k");
  });
});

it("another name is refused with those that there are", () => {
  expect(VMM_NAMES).toEqual(["qemu", "q35", "microvm", "cloud-hypervisor", "firecracker"]);
  for (const name of ["vmware", "constructor"] as string[] as VmmName[]) {
    const message = `unknown virtual machine "${name}" (there are ${VMM_NAMES.join(", ")})`;
    expect(() => vmmNamed(name)).toThrow(new OptionError(message));
  }
});
