// Variables that FreeBSD's loader scripts and kernels know, as defaults/loader.conf, loader(8), loader_simp(8) and tunables name
// them, and what each is for in our words.

/** What is known of a variable. */
export interface KnownKey {
  name: string;
  /** What it does. */
  about: string;
  /** What it may be, for instance. */
  example: string;
}

const KEYS: readonly (readonly [name: string, example: string, about: string])[] = [
  ["autoboot_delay", "5", "Seconds until the menu boots by itself; NO waits for a key, -1 doesn't even ask"],
  ["autoboot", "YES", "Whether anything boots without a key"],
  ["beastie_disable", "YES", "No menu: the scripts boot after the countdown alone"],
  ["bitmap_load", "NO", "Loads a picture for the kernel's splash screen"],
  ["bitmap_name", "/boot/splash.bmp", "The picture for the splash screen"],
  ["boot_askname", "YES", "The kernel asks where its root is"],
  ["boot_cdrom", "YES", "The root is on a CD"],
  ["boot_ddb", "YES", "The kernel begins in its debugger"],
  ["boot_dfltroot", "YES", "Takes the root that the kernel was compiled with"],
  ["boot_gdb", "YES", "The debugger is remote, on the serial line"],
  ["boot_multicons", "YES", "Messages go to all consoles"],
  ["boot_mute", "YES", "No messages of the kernel on the console"],
  ["boot_pause", "YES", "Waits after each line while devices are probed"],
  ["boot_serial", "YES", "The serial port is the console"],
  ["boot_single", "YES", "Single-user mode: a shell as root, nothing else started"],
  ["boot_verbose", "YES", "The kernel says more while it starts"],
  ["bootfile", "kernel", "Names of kernels to try, with semicolons between them"],
  ["comconsole_port", "0x3f8", "I/O port of the serial console"],
  ["comconsole_speed", "115200", "Baud rate of the serial console"],
  ["console", "vidconsole", "The loader's console or consoles: vidconsole, comconsole, efi, userboot"],
  ["cpu_microcode_load", "YES", "Loads microcode for the processor before the kernel starts"],
  ["cpu_microcode_name", "/boot/firmware/ucode.bin", "The file with the microcode"],
  ["currdev", "disk0p2:", "The device that files are looked for on"],
  ["dumpdev", "/dev/ada0p3", "Where the kernel writes its memory when it panics"],
  ["entropy_cache_load", "YES", "Loads saved randomness for the kernel"],
  ["entropy_cache_name", "/boot/entropy", "The file with saved randomness"],
  ["exec", "more /boot/notes", "A command of the loader's to run while this file is read"],
  ["fdescfs_load", "YES", "Loads the file system of file descriptors"],
  ["geom_eli_load", "YES", "Loads GELI, for encrypted disks"],
  ["geom_label_load", "YES", "Loads disk labels"],
  ["geom_mirror_load", "YES", "Loads mirrors of GEOM"],
  ["hint.acpi.0.disabled", "1", "The kernel goes without ACPI"],
  ["hint.atrtc.0.at", "isa", "Where the clock is, on a machine without ACPI"],
  ["hint.attimer.0.at", "isa", "Where the timer is, on a machine without ACPI"],
  ["hint.uart.0.flags", "0x10", "0x10 makes this serial port the console"],
  ["hw.memtest.tests", "0", "Whether the kernel tests memory when it starts"],
  ["hw.physmem", "512M", "Memory that the kernel uses at most"],
  ["if_vtnet_load", "YES", "Loads the driver of virtio network cards"],
  ["init_path", "/sbin/init", "The first program; several have colons between them"],
  ["init_script", "/etc/rc.boot", "A script before the first program"],
  ["init_shell", "/bin/sh", "The shell for scripts of init"],
  ["kern.geom.label.disk_ident.enable", "0", "Whether disks have names by their serial numbers"],
  ["kern.hz", "100", "Ticks of the clock in a second"],
  ["kern.maxusers", "256", "Scales several of the kernel's tables"],
  ["kern.vty", "vt", "Driver of the console: vt or sc"],
  ["kernel", "kernel", "Directory below /boot, or path, of the kernel"],
  ["kernel_options", "-v", "Arguments of the kernel"],
  ["kernels", "kernel kernel.old", "The kernels that the menu offers"],
  ["kernels_autodetect", "YES", "The menu looks for kernels below /boot"],
  ["loader_brand", "fbsd", "The words beside the menu"],
  ["loader_color", "NO", "Whether the menu has colours"],
  [
    "loader_conf_files",
    "/boot/device.hints /boot/loader.conf /boot/loader.conf.local",
    "The files that are read like this one",
  ],
  ["loader_delay", "3", "Seconds before this file is gone on with"],
  ["loader_logo", "orb", "The picture beside the menu: orb, beastie, none ..."],
  ["loader_menu_title", "Welcome to FreeBSD", "The menu's title"],
  ["local_loader_conf_files", "/boot/loader.conf.local", "Files read last, over all others"],
  ["machdep.hyperthreading_allowed", "0", "Whether the second threads of cores are used"],
  ["menu_timeout_command", "boot", "What the menu does when its time is over"],
  ["module_path", "/boot/modules", "Directories with modules, besides the kernel's"],
  ["nextboot_conf", "/boot/nextboot.conf", "The file that counts for one boot"],
  ["nextboot_enable", "NO", "Whether that file counts"],
  ["opensolaris_load", "YES", "Loads what ZFS needs of Solaris"],
  ["password", "", "The boot goes on only for who knows it"],
  ["prompt", "OK", "The loader's prompt"],
  ["root_disk_unit", "0", "Number of the root's disk"],
  ["rootdev", "disk0p2:", "The device of the root, for the kernel"],
  ["tmpfs_load", "YES", "Loads the file system in memory"],
  ["twiddle_divisor", "16", "The loader's spinning sign turns that much slower"],
  ["verbose_loading", "YES", "Says which modules are loaded"],
  ["vfs.mountroot.timeout", "3", "Seconds that the kernel waits for its root"],
  ["vfs.root.mountfrom", "ufs:/dev/vtbd0p2", "The kernel's root: a type, a colon, and the device"],
  ["vfs.root.mountfrom.options", "rw", "How the root is mounted"],
  ["vfs.zfs.arc_max", "512M", "Memory that ZFS keeps files in, at most"],
  ["virtio_load", "YES", "Loads virtio"],
  ["virtio_blk_load", "YES", "Loads the driver of virtio disks"],
  ["virtio_pci_load", "YES", "Loads virtio on PCI"],
  ["vm.kmem_size", "1G", "The kernel's own memory"],
  ["zfs_load", "YES", "Loads ZFS, which a root on a pool needs"],
];

/** All of them, by name. */
export const KNOWN_KEYS: readonly KnownKey[] = KEYS.map(([name, example, about]) => ({ name, example, about }));

const MODULE_KEYS: readonly (readonly [suffix: string, about: string])[] = [
  ["_load", "YES loads the module of that name"],
  ["_name", "The file of the module of that name"],
  ["_type", "What kind of file the module of that name is"],
  ["_flags", "Arguments of the module of that name"],
  ["_before", "A command before the module of that name is loaded"],
  ["_after", "A command after the module of that name is loaded"],
  ["_error", "A command for when the module of that name can't be loaded"],
];

/** What `name` is for; undefined when it is none that is known here. */
export function explain(name: string): string | undefined {
  const known = KNOWN_KEYS.find((key) => key.name === name)?.about;
  if (known !== undefined) return known;
  if (/^hint\.\w+\.\d+\./.test(name)) return "A hint for a driver about where its device is";
  return MODULE_KEYS.find(([suffix]) => name.endsWith(suffix))?.[1];
}

/** Known names that begin with `start`, at most `most`. */
export function completions(start: string, most: number): KnownKey[] {
  return KNOWN_KEYS.filter(({ name }) => name.startsWith(start) && name !== start).slice(0, most);
}
