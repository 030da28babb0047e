// Targets of what an inspection tells of a whole system: releases, kernels, versions, tables of mounts.

import { gzipSync } from "node:zlib";
import { linkedFile } from "../../test/support/elf_image.js";
import { deviceHints, kernelHints } from "../../test/support/linker_hints.js";
import { ufsDisk } from "../../test/support/ufs_image.js";
import { inspecting } from "../inspecting.js";
import { askedFor } from "../look.js";
import type { Base, Target } from "../target.js";

/** A kernel with a text in it. */
function kernelWith(text: string): Buffer {
  const kernel = Buffer.from(linkedFile({ bits: 64, segments: [{ size: 100_000 }] }).bytes);
  kernel.write(`${text}\0`, 70_000, "latin1");
  return kernel;
}

const systemOf =
  (files: Readonly<Record<string, string | Uint8Array>>): (() => Base) =>
  () => ({
    disks: [ufsDisk(Object.fromEntries(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)])))],
  });

const RELEASE =
  "FreeBSD 13.2-RELEASE-p4 #7 releng/13.2-n254617: Fri Nov  1 00:01:02 UTC 2026\n    root@host:/usr/obj GENERIC\n";

export const systemTargets: readonly Target[] = [
  {
    name: "systems",
    module: "inspect",
    bases: {
      freebsd: systemOf({
        "/bin/freebsd-version": '#!/bin/sh\nUSERLAND_VERSION="13.2-RELEASE-p5"\n',
        "/boot/loader": "text $Interpreter:lua\0 more",
        "/boot/lua/loader.lua": "",
        "/boot/kernel/kernel": kernelWith(RELEASE),
        "/boot/kernel/linker.hints": kernelHints(1_302_001),
        "/boot/kernel.gz/kernel.gz": gzipSync(kernelWith("FreeBSD 12.1-RELEASE r354233 GENERIC\n")),
        "/boot/defaults/loader.conf": 'kernel="kernel"\nloader_conf_dirs="/boot/loader.conf.d"\n',
        "/boot/loader.conf.d/10.conf": 'first="1"\n',
        "/etc/rc.conf": 'hostname="one.example"\nsshd_enable=YES\n',
        "/etc/rc.conf.local": "hostname='two.example'\n",
        "/etc/fstab": "# a comment\n/dev/ada0p2\t/\tufs\trw\t1\t1\nshort /\n/dev/ada0p3 none swap sw 0 0\n",
      }),
      illumos: systemOf({
        "/boot/forth/loader.4th": "",
        "/boot/defaults/loader.conf": `kernel="i86pc/kernel/\${ISADIR}"\nbootfile="unix"\n`,
        "/platform/i86pc/kernel/amd64/unix": kernelWith("SunOS"),
      }),
      dragonfly: systemOf({
        "/boot/dloader.rc": "menu",
        "/boot/kernel/kernel": kernelWith("DragonFly v6.4.0-RELEASE #1: Mon Jan  1\n"),
        "/boot/kernel/linker.hints": deviceHints(["m", "m.ko"], ["pci", "I:a;", 0]),
      }),
      odd: systemOf({
        "/boot/loader": "old",
        "/boot/kernel/kernel": kernelWith(`FreeBSD ${"x".repeat(300)}\n`),
        "/boot/loader.conf": 'good="1"\nwhat is this\nopen="never closed\nkernel="/boot/kernel"\n',
        "/etc/fstab": "\\134 / ufs\n",
      }),
      none: systemOf({ "/boot/kernel/kernel": "no kernel", "/boot/kernel.old/kernel": kernelWith("nothing known") }),
    },
    words: ["FreeBSD ", "-RELEASE", "-p4", "USERLAND_VERSION=", "$Interpreter:", "hostname=", "SunOS", "@(#)", "\n"],
    session: (disks) => inspecting(disks, () => askedFor("system\tdisk0:")),
  },
];
