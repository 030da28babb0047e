// The hook of examples/libvirt, called as libvirt calls it (https://libvirt.org/hooks.html), with domains as libvirt writes them.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isThere } from "../support/bhyve_double.js";
import { CLI } from "../support/cli.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { inRepository } from "../support/repository.js";
import { Scratch } from "../support/scratch.js";

const HOOK = inRepository("examples/libvirt/qemu");
const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const directory = join(scratch.path, "userboot");
const bin = join(scratch.path, "bin");
const kernel = join(directory, "guest.elf");
// Names that XML and the command line write otherwise.
const image = join(scratch.path, "it's a, & b.img");

beforeAll(() => {
  mkdirSync(directory);
  mkdirSync(bin);
  writeFileSync(image, guestImage(GUESTS.amd64));
  writeFileSync(join(bin, "userboot"), `#!/bin/sh\nexec "${process.execPath}" "${CLI}" "$@"\n`, { mode: 0o755 });
});

const escaped = (text: string) =>
  text.replace(/[&'"<>]/g, (one) => ({ "&": "&amp;", "'": "&apos;", '"': "&quot;", "<": "&lt;", ">": "&gt;" })[one]!);

interface Domain {
  kernel?: string;
  machine?: string;
  arch?: string;
  memory?: string;
  disks?: string;
  metadata?: string;
  os?: string;
}

const diskOf = (path: string, format = "raw") => `    <disk type='file' device='disk'>
      <driver name='qemu' type='${format}' discard='unmap'/>
      <source file='${escaped(path)}' index='1'/>
      <backingStore type='file'>
        <format type='raw'/>
        <source file='/nowhere'/>
      </backingStore>
      <target dev='vda' bus='virtio'/>
      <alias name='virtio-disk0'/>
    </disk>
`;

/** As virDomainDefFormat writes a domain. */
function domain({ arch = "x86_64", machine = "pc-q35-7.2", memory = "131072", ...more }: Domain = {}): string {
  return `<domain type='kvm' id='1'>
  <name>guest</name>
  <uuid>8e0f4f0e-5d0c-4d4e-8c1e-3f1f1c6f0001</uuid>
  <description>&lt;kernel&gt;/not/this/one&lt;/kernel&gt;</description>
  <metadata>
    <kernel xmlns='urn:other'>/nor/this/one</kernel>
    <disk xmlns='urn:other' type='file' device='disk'>
      <source file='/nor/this'/>
    </disk>
${more.metadata ?? ""}  </metadata>
  <memory unit='KiB'>${memory}</memory>
  <currentMemory unit='KiB'>${memory}</currentMemory>
  <vcpu placement='static'>1</vcpu>
  <os>
    <type arch='${arch}' machine='${machine}'>hvm</type>
${more.os ?? ""}    <kernel>${escaped(more.kernel ?? kernel)}</kernel>
    <boot dev='hd'/>
  </os>
  <on_reboot>destroy</on_reboot>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
${more.disks ?? diskOf(image)}    <disk type='file' device='cdrom'>
      <target dev='sda' bus='sata'/>
      <readonly/>
    </disk>
  </devices>
</domain>
`;
}

const hook = (input: string, operation = ["prepare", "begin", "-"], name = "guest") =>
  spawnSync(HOOK, [name, ...operation], {
    encoding: "utf8",
    input,
    env: { PATH: `${bin}${delimiter}${process.env.PATH}`, HOME: scratch.path, USERBOOT_DIRECTORY: directory },
  });

/** What the stand-in for userboot was called with. */
function wordsFor(xml: string): string[] {
  const stub = scratch.file("stub", `#!/bin/sh\nprintf '%s\\0' "$@" >${join(scratch.path, "words")}\n`);
  spawnSync("chmod", ["+x", stub]);
  const env = { ...process.env, USERBOOT: stub, USERBOOT_DIRECTORY: directory };
  const { status, stderr } = spawnSync(HOOK, ["guest", "prepare", "begin", "-"], { encoding: "utf8", input: xml, env });
  expect([stderr, status]).toEqual(["", 0]);
  return readFileSync(join(scratch.path, "words"), "utf8").split("\0").slice(0, -1);
}

test.skipIf(!isThere("shellcheck"))("ShellCheck has no complaint", () => {
  expect(spawnSync("shellcheck", [HOOK], { encoding: "utf8" }).stdout).toBe("");
});
if (!isThere("shellcheck")) console.warn("*** SKIPPED, no shellcheck: the hook for libvirt ***");

describe("before a guest is started", () => {
  test("its loader runs, and the kernel of the domain is there, its owner's alone", () => {
    const { stdout, status } = hook(domain());
    expect([stdout, status]).toEqual(["", 0]);
    expect(readFileSync(kernel).subarray(0, 5)).toEqual(Buffer.from([0x7f, 0x45, 0x4c, 0x46, 1]));
    expect(statSync(kernel).mode & 0o777).toBe(0o600);
  });

  test("is removed when the guest is gone", () => {
    writeFileSync(kernel, "x");
    expect(hook(domain(), ["release", "end", "-"])).toMatchObject({ stdout: "", stderr: "", status: 0 });
    expect(existsSync(kernel)).toBe(false);
  });

  test("the words that userboot gets", () => {
    const second = diskOf("/dev/vg/two", "vpc")
      .replace("type='file'", "type='block'")
      .replace("<source file", "<source dev");
    expect(wordsFor(domain({ disks: diskOf(image) + second }))).toEqual([
      ...["pack", "-d", `raw:${image.replace(",", ",,")}`, "-d", "vhd:/dev/vg/two", "-m", "131072k"],
      ...["--format", "multiboot", "--map", "q35", "-c", "none", "--clock", "virtual", "-o", kernel],
    ]);
    const words = wordsFor(domain({ machine: "microvm" }));
    expect(words.slice(words.indexOf("--format"), words.indexOf("-c"))).toEqual(["--format", "pvh", "--map", "qemu"]);
    expect(wordsFor(domain({ machine: "pc-i440fx-7.2", arch: "i686" }))).toContain("qemu");
    // A set-up of the loader's lies beside the kernel.
    writeFileSync(join(directory, "guest.json"), "{}");
    expect(wordsFor(domain()).slice(3, 5)).toEqual(["--machine", join(directory, "guest.json")]);
    rmSync(join(directory, "guest.json"));
  });

  test.each<[string, Domain, RegExp]>([
    ["an unknown machine", { machine: "virt-7.2" }, /machine x86_64 virt-7\.2 \(there are/],
    ["another processor", { arch: "aarch64" }, /machine aarch64/],
    ["other firmware", { os: "    <loader readonly='yes' type='pflash'>/OVMF.fd</loader>\n" }, /firmware other than/],
    ["a format that isn't read", { disks: diskOf("/a.img", "qed") }, /format 'qed' of \/a\.img/],
    ["a disk without a format", { disks: diskOf("/a.img").replace(/ {6}<driver.*\n/, "") }, /format '' of \/a\.img/],
    [
      "a network disk",
      { disks: diskOf("/a").replace("'file' device='disk'", "'network' device='disk'") },
      /type network/,
    ],
    ["a disk without a source", { disks: diskOf("/a").replace(/ {6}<source file='\/a'.*\n/, "") }, /a disk without a/],
    ["a line break in a name", { disks: diskOf("/a").replace("'/a'", "'/a&#10;b'") }, /the name \/a&#10;b/],
    ["a disk that isn't there", { disks: diskOf("/nowhere.img") }, /\/nowhere\.img[^\n]*\n.*entered no kernel/],
  ])("%s keeps it from being started, with the reason", (_, what, message) => {
    writeFileSync(kernel, "an earlier one");
    const { stdout, stderr, status } = hook(domain(what));
    expect(stderr).toMatch(message);
    expect(stderr).toContain("userboot hook: guest: ");
    expect([stdout, status]).toEqual(["", 1]);
    expect(existsSync(kernel)).toBe(false);
  });
});

/** What the lines of another domain would be. */
const another = `  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>${kernel}</kernel>
  </os>
  <devices>
${diskOf("/somebody/else's.img")}  </devices>
`;
/** Metadata of a tenant's with them. */
const FORGED: [string, string][] = [
  ["text that isn't parsed", `<x xmlns='urn:other'><![CDATA[\n  </metadata>\n${another}  <metadata>]]></x>\n`],
  ["a comment", `<!--\n  </metadata>\n${another}  <metadata>-->\n`],
  ["elements", `<x xmlns='urn:other'>text\n${another}</x>\n`],
];

describe.each(FORGED)("metadata that looks like a domain: %s", (_, metadata) => {
  test("isn't one", () => {
    expect(wordsFor(domain({ metadata }))).toEqual(wordsFor(domain()));
    const xml = domain({ metadata }).replace(/(?<=hvm<\/type>\n) {4}<kernel>[^<]*<\/kernel>\n(?= {4}<boot)/, "");
    writeFileSync(kernel, "another guest's");
    for (const operation of [
      ["prepare", "begin", "-"],
      ["release", "end", "-"],
    ])
      expect(hook(xml, operation)).toMatchObject({ stdout: "", stderr: "", status: 0 });
    expect(readFileSync(kernel, "utf8")).toBe("another guest's");
    rmSync(kernel);
  });
});

test.each(["/a|", "/a||", "/a|b", "/a\\", "/a.", "/ a ", "/$(id)`id`", '/"a"', "/-d", "/a&b<c>", "/,a,"])(
  "an image's name is what it is: %s",
  (path) => {
    expect(wordsFor(domain({ disks: diskOf(path) }))[2]).toBe(`raw:${path.replaceAll(",", ",,")}`);
  },
);

test("a guest's name does nothing to who reads that it wasn't started", () => {
  const { stderr, status } = hook(domain({ machine: "none" }), undefined, "a\\033[31m\x1b[2J\\c\n");
  expect(status).toBe(1);
  expect(stderr).toMatch(/^userboot hook: a\\033\[31m\?\[2J\\c\n: machine x86_64 none [^\n]*\n$/);
});

test.each([
  ["another kernel", domain({ kernel: "/boot/vmlinuz" }), ["prepare", "begin", "-"]],
  ["a kernel below", domain({ kernel: join(directory, "a/../../b.elf") }), ["prepare", "begin", "-"]],
  ["no kernel", domain().replace(/ {4}<kernel>.*\n/, ""), ["prepare", "begin", "-"]],
  ["another operation", domain(), ["started", "begin", "-"]],
])("leaves alone: %s", (_, xml, operation) => {
  const before = readdirSync(directory);
  expect(hook(xml, operation)).toMatchObject({ stdout: "", stderr: "", status: 0 });
  expect(readdirSync(directory)).toEqual(before);
});

test("the domain that goes with it is one of the hook's, and ends when it reboots", () => {
  const xml = readFileSync(inRepository("examples/libvirt/guest.xml"), "utf8");
  expect(xml).toMatch(/<kernel>\/var\/lib\/userboot\/\w+\.elf<\/kernel>/);
  expect(xml).toContain("<on_reboot>destroy</on_reboot>");
  expect(readFileSync(HOOK, "utf8")).toContain(`:-/var/lib/userboot}`);
});
