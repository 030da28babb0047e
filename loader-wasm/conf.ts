// The tables of the loader: what kinds of devices, partitions, file systems, kernels, commands and consoles it knows,
// in the order in which they are tried and listed. A new one of anything is a file of its own and a line here.

import { commandAutoboot, commandBoot } from "./boot/autoboot";
import { Command, useCommands } from "./boot/commands";
import { commandBcachestat, commandLsdev, commandLszfs, commandNvstore, commandReloadbe } from "./boot/device_commands";
import {
  commandEcho,
  commandRead,
  commandSet,
  commandSetSplit,
  commandShow,
  commandUnset,
} from "./boot/environment_commands";
import { commandHelp, commandLs, commandMore, commandReadtest } from "./boot/file_commands";
import { commandLoad, commandLoadGeli, commandLsmod, commandUnload } from "./boot/load_commands";
import { commandPnpautoload, commandPnpload, commandPnpmatch } from "./boot/pnp_commands";
import { commandInclude, commandList, commandQuit, commandReboot } from "./boot/session_commands";
import { ConsoleName, useConsoles } from "./console/console";
import { DeviceDriver } from "./dev/device";
import { useDevices } from "./dev/devices";
import { DiskDriver } from "./dev/disk";
import { HostDriver } from "./dev/host";
import { NoZfsDriver } from "./dev/no_zfs";
import { ZfsDriver } from "./dev/zfs";
import { Cd9660FileSystem } from "./fs/cd9660/cd9660";
import { Bzip2FileSystem } from "./fs/compressed/bzip2";
import { GzipFileSystem } from "./fs/compressed/gzip";
import { Lz4FileSystem } from "./fs/compressed/lz4";
import { XzFileSystem } from "./fs/compressed/xz";
import { ZstdFileSystem } from "./fs/compressed/zstd";
import { ExtFileSystem } from "./fs/ext/ext";
import { addFileSystem, useFileSystems } from "./fs/file_systems";
import { HostFileSystem } from "./fs/host";
import { MsdosFileSystem } from "./fs/msdos/msdos";
import { UfsFileSystem } from "./fs/ufs/ufs";
import { ZfsFileSystem } from "./fs/zfs";
import { WHOLE } from "./lib/variant";
import { ElfClass, EM_386, EM_X86_64 } from "./load/elf/layout";
import { Format, useFormats } from "./load/formats";
import { ImageFormat, UnreadFormat, useImageFormats } from "./storage/formats/formats";
import {
  QCOW_MAGIC,
  QCOW2_MAGIC,
  VDI_MAGIC,
  VDI_MAGIC_AT,
  VHD_MAGIC,
  VHDX_MAGIC,
  VMDK_MAGICS,
} from "./storage/formats/magics";
import { Qcow2Format } from "./storage/formats/qcow2";
import { VdiFormat } from "./storage/formats/vdi";
import { VhdFormat } from "./storage/formats/vhd";
import { VhdxFormat } from "./storage/formats/vhdx";
import { VmdkFormat } from "./storage/formats/vmdk";
import { BsdScheme } from "./storage/partitions/bsd";
import { useSchemes } from "./storage/partitions/detect";
import { GptScheme } from "./storage/partitions/gpt";
import { IsoScheme } from "./storage/partitions/iso";
import { MbrScheme } from "./storage/partitions/mbr";

/** Hands the tables to those who use them. Comes first in a session that boots. */
export function configure(): void {
  configureStorage();
  configureLoader();
}

/** The tables of what there is to read: all that an inspection wants. */
export function configureStorage(): void {
  // The first, and those at the end, are known by sight, so that nobody takes such a file for a raw image.
  const formats: ImageFormat[] = [new UnreadFormat("qcow", [QCOW_MAGIC], "convert it (qemu-img convert)")];
  if (WHOLE) {
    formats.push(new Qcow2Format());
    formats.push(new VmdkFormat());
    formats.push(new VhdFormat());
    formats.push(new VhdxFormat());
    formats.push(new VdiFormat());
  } else {
    formats.push(new UnreadFormat("qcow2", [QCOW2_MAGIC]));
    formats.push(new UnreadFormat("vmdk", VMDK_MAGICS));
    formats.push(new UnreadFormat("vhd", [VHD_MAGIC]));
    formats.push(new UnreadFormat("vhdx", [VHDX_MAGIC]));
    formats.push(new UnreadFormat("vdi", [VDI_MAGIC], "", VDI_MAGIC_AT));
  }
  formats.push(new UnreadFormat("QED", ["QED\0"], "convert it (qemu-img convert)"));
  formats.push(new UnreadFormat("gzip", ["\x1f\x8b\x08"]));
  formats.push(new UnreadFormat("bzip2", ["BZh"]));
  formats.push(new UnreadFormat("xz", ["\xfd7zXZ\0"]));
  formats.push(new UnreadFormat("zstd", ["\x28\xb5\x2f\xfd"]));
  useImageFormats(formats);

  // A GPT has a protective MBR, and a disk that is bootable in several ways looks like several schemes.
  useSchemes([new IsoScheme(), new BsdScheme(), new GptScheme(), new MbrScheme()]);

  // What is booted from when nobody says is of the kind listed last, if there is any of it.
  const devices: DeviceDriver[] = [new HostDriver(), new DiskDriver()];
  if (WHOLE) devices.push(new ZfsDriver());
  else devices.push(new NoZfsDriver());
  useDevices(devices);

  // The compressed ones come last, as they open other names with those before them.
  useFileSystems([
    new HostFileSystem(),
    new UfsFileSystem(),
    new Cd9660FileSystem(),
    new MsdosFileSystem(),
    new ExtFileSystem(),
    new GzipFileSystem(),
    new Bzip2FileSystem(),
    new ZstdFileSystem(),
    new Lz4FileSystem(),
    new XzFileSystem(),
  ]);
  if (WHOLE) addFileSystem(new ZfsFileSystem());
}

/** The tables of what a loader does with it. */
function configureLoader(): void {
  useConsoles([new ConsoleName("userboot", true), new ConsoleName("comconsole", false)]);

  useFormats([
    new Format(new ElfClass(32, EM_386), false),
    new Format(new ElfClass(32, EM_386), true),
    new Format(new ElfClass(64, EM_X86_64), false),
    new Format(new ElfClass(64, EM_X86_64), true),
  ]);

  // What came with a later loader says so by `since()`; what no loader has is `unlisted()`.
  useCommands([
    new Command("bcachestat", "get disk block cache stats", commandBcachestat),
    new Command("boot", "boot a file or loaded kernel", commandBoot),
    new Command("autoboot", "boot automatically after a delay", commandAutoboot),
    new Command("help", "detailed help", commandHelp),
    new Command("?", "list commands", commandList),
    new Command("show", "show variable(s)", commandShow),
    new Command("set", "set a variable", commandSet, commandSetSplit),
    new Command("unset", "unset a variable", commandUnset),
    new Command("echo", "echo arguments", commandEcho),
    new Command("read", "read input from the terminal", commandRead),
    new Command("more", "show contents of a file", commandMore),
    new Command("lsdev", "list all devices", commandLsdev),
    new Command("readtest", "Time a file read", commandReadtest).since(14),
    new Command("include", "read commands from a file", commandInclude),
    new Command("ls", "list files", commandLs),
    new Command("quit", "exit the loader", commandQuit),
    new Command("reboot", "reboot the system", commandReboot),
    new Command("load", "load a kernel or module", commandLoad),
    new Command("load_geli", "load a geli key", commandLoadGeli),
    new Command("unload", "unload all modules", commandUnload),
    new Command("lsmod", "list loaded modules", commandLsmod),
    new Command("pnpmatch", "list matched modules based on pnpinfo", commandPnpmatch).since(13),
    new Command("pnpload", "load matched modules based on pnpinfo", commandPnpload).since(13),
    new Command("pnpautoload", "auto load modules based on pnpinfo", commandPnpautoload).since(13),
    new Command("nvstore", "manage non-volatile data", commandNvstore).since(13),
    new Command("lszfs", "list child datasets of a zfs dataset", commandLszfs),
    new Command("reloadbe", "refresh the list of ZFS Boot Environments", commandReloadbe),
  ]);
}
