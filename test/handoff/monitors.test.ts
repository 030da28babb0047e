// Cloud Hypervisor and Firecracker, which aren't among what the tests run: what they are told, held to what their documentation and
// sources say, written down here by hand. Firecracker: src/firecracker/swagger/firecracker.yaml and src/vmm/src/arch/x86_64/layout.rs of
// 1.17.0-dev. Cloud Hypervisor: vmm/src/api/openapi/cloud-hypervisor.yaml, vmm/src/config.rs and arch/src/x86_64/layout.rs of 54.0.
// Both load ELF files by rust-vmm's linux-loader (src/loader/elf/mod.rs).

import { join } from "node:path";
import { boot, type MapProfile, memoryMap, pack } from "userboot-wasm";
import { afterAll, describe, expect, test } from "vitest";
import { userboot } from "../support/cli.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { Scratch } from "../support/scratch.js";

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const disk = scratch.file("disk.img", "x".repeat(512));
const other = scratch.file("other disk.img", "x".repeat(512));
const run = (...args: string[]) => userboot(["run", "-d", disk, "-d", other, "-m", "64M", ...args]);

/** A value of JSON by its documentation: a type's name, the words that there are, a list of one kind, or members; `!` are required. */
type Schema = string | readonly string[] | { list: Schema } | { [member: string]: Schema };

const FIRECRACKER: Schema = {
  "boot-source!": { "kernel_image_path!": "string", boot_args: "string", initrd_path: "string" },
  // Not of the API; the file has to have it.
  "drives!": {
    list: {
      "drive_id!": "string",
      "is_root_device!": "boolean",
      "is_read_only!": "boolean",
      "path_on_host!": "string",
      partuuid: "string",
      cache_type: ["Unsafe", "Writeback"],
      io_engine: ["Sync", "Async"],
      socket: "string",
    },
  },
  "machine-config": {
    "vcpu_count!": "integer",
    "mem_size_mib!": "integer",
    smt: "boolean",
    track_dirty_pages: "boolean",
    huge_pages: ["None", "Transparent", "2M"],
  },
};

const CONSOLE = ["Off", "Pty", "Tty", "File", "Socket", "Null"];
const CLOUD_HYPERVISOR: Schema = {
  "payload!": { firmware: "string", kernel: "string", cmdline: "string", initramfs: "string" },
  cpus: { "boot_vcpus!": "integer", "max_vcpus!": "integer" },
  memory: { "size!": "integer", shared: "boolean", hugepages: "boolean" },
  disks: {
    list: {
      path: "string",
      readonly: "boolean",
      direct: "boolean",
      id: "string",
      image_type: ["FlatVmdk", "FixedVhd", "Qcow2", "Raw", "Vhdx", "Unknown"],
    },
  },
  serial: { "mode!": CONSOLE, file: "string", socket: "string" },
  console: { "mode!": CONSOLE, file: "string", socket: "string" },
};

/** What in `value` isn't as `schema` says. */
function faults(value: unknown, schema: Schema, at = "$"): string[] {
  if (typeof schema === "string") {
    const fits = schema === "integer" ? Number.isSafeInteger(value) : typeof value === schema;
    return fits ? [] : [`${at} is no ${schema}`];
  }
  if (Array.isArray(schema)) return schema.includes(value) ? [] : [`${at} is none of ${schema}`];
  if (typeof value !== "object" || value === null) return [`${at} is no object`];
  if ("list" in schema) {
    if (!Array.isArray(value)) return [`${at} is no list`];
    return value.flatMap((one, index) => faults(one, (schema as { list: Schema }).list, `${at}[${index}]`));
  }
  const members = new Map(Object.entries(schema).map(([name, one]) => [name.replace("!", ""), one]));
  const missing = Object.keys(schema).filter((name) => name.endsWith("!") && !(name.slice(0, -1) in value));
  return [
    ...missing.map((name) => `${at}.${name} is missing`),
    ...Object.entries(value).flatMap(([name, one]) => {
      const known = members.get(name);
      return known === undefined ? [`${at}.${name} isn't known`] : faults(one, known, `${at}.${name}`);
    }),
  ];
}

test("the check of a configuration finds what is wrong in one", () => {
  expect(faults({ "boot-source": { kernel_image_path: 1 }, more: 1 }, FIRECRACKER)).toEqual([
    "$.drives! is missing",
    "$.boot-source.kernel_image_path is no string",
    "$.more isn't known",
  ]);
});

describe.each([
  ["firecracker", FIRECRACKER],
  ["cloud-hypervisor", CLOUD_HYPERVISOR],
])("%s", (vmm, schema) => {
  test.each([[], ["--write"]])("--print-config says what the documentation knows, and no more %s", (...write) => {
    const { stdout, stderr, status } = run("--vmm", vmm, "--print-config", ...write);
    expect([stderr, status]).toEqual(["", 0]);
    expect(faults(JSON.parse(stdout), schema)).toEqual([]);
  });

  test("--print-json: its program, format and map", () => {
    const told = JSON.parse(run("--vmm", vmm, "--print-json", "--", "--seccomp", "log").stdout);
    expect(told).toMatchObject({
      program: vmm,
      image: { path: "guest.elf", format: "pvh", map: vmm },
      memory: 64 * MIB,
      disks: [disk, other],
    });
    expect(told.arguments.slice(-2)).toEqual(["--seccomp", "log"]);
  });

  test.each([
    ["isn't started", [], /^userboot: --vmm \S+: \S+ isn't started by this program; --dry-run/],
    ["has no translator", ["--dry-run", "--accel", "tcg"], /^userboot: --accel tcg: \S+ has KVM only/],
    [
      "has no arguments in its configuration",
      ["--print-config", "--", "-v"],
      /^userboot: --print-config: -v behind --/,
    ],
  ])("%s", (_, args, message) => {
    const { stdout, stderr, status } = run("--vmm", vmm, ...args);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^[^\n]*\n$/);
    expect([stdout, status]).toEqual(["", 2]);
  });
});

describe("Firecracker", () => {
  test("is told the guest and its disks, in their order, by full names", () => {
    const { stdout } = run("--vmm", "firecracker", "--print-config", "--image", join(scratch.path, "a guest"));
    expect(JSON.parse(stdout)).toEqual({
      "boot-source": { kernel_image_path: join(scratch.path, "a guest") },
      drives: [
        { drive_id: "disk0", path_on_host: disk, is_root_device: false, is_read_only: true },
        { drive_id: "disk1", path_on_host: other, is_root_device: false, is_read_only: true },
      ],
      "machine-config": { vcpu_count: 1, mem_size_mib: 64 },
    });
    const line = run("--vmm", "firecracker", "--dry-run").stdout;
    expect(line).toBe("firecracker --no-api --config-file guest.elf.json\n");
  });

  test("has whole MiB of memory", () => {
    const { stderr, status } = run("--vmm", "firecracker", "--print-config", "-m", "65540k");
    expect(stderr).toBe("userboot: memory of 67112960 bytes: firecracker counts in MiB\n");
    expect(status).toBe(2);
  });
});

describe("Cloud Hypervisor", () => {
  test("is told the same by its command line and its API", () => {
    expect(JSON.parse(run("--vmm", "cloud-hypervisor", "--print-json", "--write").stdout).arguments).toEqual([
      ...["--kernel", "guest.elf", "--cpus", "boot=1", "--memory", `size=${64 * MIB}`, "--disk"],
      ...[disk, other].map((path) => `path=${path},readonly=off,image_type=raw`),
      ...["--serial", "tty", "--console", "off"],
    ]);
    expect(JSON.parse(run("--vmm", "cloud-hypervisor", "--print-config").stdout)).toMatchObject({
      memory: { size: 64 * MIB },
      disks: [
        { path: disk, readonly: true, image_type: "Raw" },
        { path: other, readonly: true, image_type: "Raw" },
      ],
    });
    expect(userboot(["run", "-m", "64M", "--vmm", "cloud-hypervisor", "--dry-run"]).stdout).not.toContain("--disk");
  });

  test.each([",,", "[", '"'])("can't be told a name with %j by its command line", (character) => {
    const path = join(scratch.path, `a${character}b.img`);
    const say = (way: string) => userboot(["run", "-d", path, "--vmm", "cloud-hypervisor", way]);
    expect(say("--dry-run").stderr).toMatch(/^userboot: .*b\.img: cloud-hypervisor's command line can't say that name/);
    expect(say("--dry-run").status).toBe(2);
    expect(JSON.parse(say("--print-config").stdout).disks[0].path).toBe(path.replace(",,", ","));
  });
});

test("QEMU has no configuration of its own", () => {
  const { stderr, status } = run("--print-config");
  expect(stderr).toBe("userboot: --print-config: qemu-system-x86_64 has its command line only (--dry-run)\n");
  expect(status).toBe(2);
});

describe("memory maps", () => {
  const told = (profile: MapProfile, memory: number) =>
    memoryMap(profile, memory).map(({ base, length, type }) => [Number(base), Number(base) + Number(length), type]);

  test("Firecracker's: SYSTEM_MEM_START to 1 MiB and PCI_MMCONFIG are reserved, MMIO32 and MMIO64 are holes", () => {
    const low = [
      [0, 0x9fc00, 1],
      [0x9fc00, MIB, 2],
    ];
    const configuration = [0xeec00000, 0xfec00000, 2];
    expect(told("firecracker", 128 * MIB)).toEqual([...low, [MIB, 128 * MIB, 1], configuration]);
    expect(told("firecracker", 3 * GIB)).toEqual([...low, [MIB, 3 * GIB, 1], configuration]);
    const four = [...low, [MIB, 3 * GIB, 1], configuration];
    expect(told("firecracker", 5 * GIB)).toEqual([...four, [4 * GIB, 6 * GIB, 1]]);
    expect(told("firecracker", 300 * GIB)).toEqual([...four, [4 * GIB, 256 * GIB, 1], [512 * GIB, 557 * GIB, 1]]);
  });

  test("Cloud Hypervisor's: MPTABLE_START to 1 MiB and PCI_MMCONFIG are reserved, memory goes on at 4 GiB", () => {
    expect(told("cloud-hypervisor", 4 * GIB)).toEqual([
      [0, 0x9fc00, 1],
      [0x9fc00, MIB, 2],
      [MIB, 3 * GIB, 1],
      [0xe8000000, 0xf8000000, 2],
      [4 * GIB, 5 * GIB, 1],
    ]);
  });
});

describe.each(["amd64", "i386"] as const)("a packed %s guest", (arch) => {
  const MEMORY = 64 * MIB;
  const packed = async (profile: MapProfile) => {
    const map = memoryMap(profile, MEMORY);
    const options = { start: "simp", interfaceVersion: 4, clock: "virtual", isolation: "none", map } as const;
    using result = await boot({ disks: [guestImage(GUESTS[arch])], memory: MEMORY, ...options });
    return { file: Buffer.from(pack(result, "pvh", map)), written: [...result.guestMemory.written] };
  };

  test.each(["firecracker", "cloud-hypervisor"] as const)("is loaded as %s loads it", async (profile) => {
    const { file } = await packed(profile);
    expect(file.subarray(0, 6)).toEqual(Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1]));
    // e_phoff, e_phentsize, e_entry: as large as a header of 64 bits, and not below 1 MiB.
    expect(file.readBigUInt64LE(32)).toBe(64n);
    expect(file.readUInt16LE(54)).toBe(56);
    expect(file.readBigUInt64LE(24)).toBeGreaterThanOrEqual(BigInt(MIB));
    const headers = Array.from({ length: file.readUInt16LE(56) }, (_, index) => {
      const at = 64 + 56 * index;
      const [offset, , address, size, memory, align] = [8, 16, 24, 32, 40, 48].map((one) =>
        Number(file.readBigUInt64LE(at + one)),
      ) as [number, number, number, number, number, number];
      return { type: file.readUInt32LE(at), offset, address, size, memory, align };
    });
    const loads = headers.filter(({ type }) => type === 1);
    const notes = headers.filter(({ type }) => type === 4);
    expect(loads.length).toBeGreaterThan(0);
    for (const { address, size, memory, align, offset } of loads) {
      // "x86-64 kernel must be aligned to 2MB": any other alignment is refused.
      expect(align % (2 * MIB)).toBe(0);
      expect(size).toBe(memory);
      expect(address).toBeGreaterThanOrEqual(MIB);
      expect(address + size).toBeLessThanOrEqual(MEMORY);
      expect(offset + size).toBeLessThanOrEqual(file.length);
    }
    // One note "Xen" of kind 18, with room for 4 bytes, which name a place that is loaded.
    expect(notes).toHaveLength(1);
    const { offset, size } = notes[0]!;
    expect([0, 4, 8].map((one) => file.readUInt32LE(offset + one))).toEqual([4, 8, 18]);
    expect(file.toString("latin1", offset + 12, offset + 16)).toBe("Xen\0");
    expect(size).toBe(24);
    const entry = file.readUInt32LE(offset + 16);
    expect(loads.some((one) => entry >= one.address && entry < one.address + one.size)).toBe(true);
  });

  test.each(["firecracker", "cloud-hypervisor"] as const)(
    "leaves %s's own things in low memory alone",
    async (profile) => {
      const { written } = await packed(profile);
      // The BIOS data area with the place of ACPI's tables; processors' tables and ACPI's.
      for (const [from, to] of [
        [0x400, 0x500],
        [0x9fc00, MIB],
      ] as const)
        expect(written.filter(([start, end]) => start < to && end > from)).toEqual([]);
    },
  );
});
