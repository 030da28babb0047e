// The set-up of a boot as a file (docs/machine.md): what it may say, and what is refused. What the command line
// makes of it: machine_options.test.ts.

import fc from "fast-check";
import { formatMachine, type Machine, machineContent, machineOptions, parseMachine } from "userboot-wasm/machine";
import { describe, expect, it } from "vitest";

const MIB = 1024 * 1024;

const FULL: Machine = {
  version: 1,
  memory: 128 * MIB,
  target: "v86",
  disks: ["a.img", { image: "b", format: "qcow2", sectorSize: 4096, readOnly: true, files: ["c", { image: "d" }] }],
  currdev: "disk0p2:",
  environment: { boot_verbose: "YES", motd: "grüß dich" },
  defaultEnvironment: false,
  overlay: { "/boot/loader.conf": 'a="b"\n', "disk1p2:/x": { base64: "/wAB" }, "/gone": null },
  start: "simp",
  interface: 4,
  profile: 13,
  console: "none",
  clock: "virtual",
  hashSeed: 7,
};

/** Why `given` isn't a set-up. */
function refusal(given: unknown): { name: string; message: string } | undefined {
  try {
    parseMachine(given as object);
    return undefined;
  } catch (error) {
    const { name, message } = error as Error;
    return { name, message };
  }
}

describe("a set-up", () => {
  it("is read, and written as it was", () => {
    expect(parseMachine(formatMachine(FULL))).toEqual(FULL);
    expect(formatMachine(parseMachine(JSON.stringify(FULL)))).toBe(formatMachine(FULL));
    expect(parseMachine('{"version":1}')).toEqual({ version: 1 });
    expect(parseMachine({ version: 1, memory: undefined })).toEqual({ version: 1 });
  });

  it("is its own: what was given can change", () => {
    const given = structuredClone(FULL);
    const machine = parseMachine(given);
    given.disks!.length = 0;
    given.overlay!["/boot/loader.conf"] = null;
    expect(machine).toEqual(FULL);
  });

  it("is made of nothing but JSON, whatever kind of object says it", () => {
    class Names {
      readonly a = "b";
    }
    // No copy of the platform's could be made of this one.
    const environment = Object.defineProperty(new Proxy(new Names(), {}), "hidden", { value: () => {} }) as never;
    const machine = parseMachine({ version: 1, environment });
    expect(machine).toStrictEqual({ version: 1, environment: { a: "b" } });
    expect(refusal('{"version":1,"hashSeed":-0}')?.name).toBe("OptionError");
    expect(refusal({ version: 1, overlay: { "/x": { base64: undefined } } })?.name).toBe("OptionError");
  });

  it("goes round, whatever it says", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 20 }).map((one) => one.replaceAll("\0", ""));
    const name = text.map((one) => `n${one.replaceAll("=", "")}`);
    const image = fc.record(
      { image: name, format: fc.constantFrom("raw", "vhd", "gzip") },
      { requiredKeys: ["image"] },
    );
    const disk = fc.record(
      {
        image: name,
        sectorSize: fc.constantFrom(512, 4096),
        readOnly: fc.boolean(),
        files: fc.array(fc.oneof(name, image), { maxLength: 3 }),
      },
      { requiredKeys: ["image"] },
    );
    const content = fc.oneof(
      fc.constant(null),
      fc.string({ unit: "grapheme", maxLength: 50 }),
      fc.uint8Array({ maxLength: 40 }).map(machineContent),
    );
    const flavour = fc.constantFrom("4th", "lua", "simp");
    const machine = fc.record(
      {
        version: fc.constant(1),
        memory: fc.integer({ min: MIB, max: 2 ** 46 }),
        disks: fc.array(fc.oneof(name, disk), { maxLength: 4 }),
        environment: fc.dictionary(fc.oneof(name, fc.constant("__proto__")), text),
        defaultEnvironment: fc.boolean(),
        overlay: fc.dictionary(
          name.map((one) => `/${one}`),
          content,
        ),
        loader: flavour,
        interface: fc.constantFrom(3, 4, 5),
        profile: fc.constantFrom("auto", 12, 15),
        hashSeed: fc.nat(),
      },
      { requiredKeys: ["version"] },
    ) as fc.Arbitrary<Machine>;
    fc.assert(
      fc.property(machine, (made) => {
        const written = formatMachine(made);
        expect(JSON.stringify(parseMachine(written))).toBe(JSON.stringify(parseMachine(made)));
        expect(JSON.parse(written)).toEqual(JSON.parse(JSON.stringify(made)));
        expect(formatMachine(parseMachine(written))).toBe(written);
      }),
    );
  });

  it("has the bytes of files as they were", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.string({ unit: "grapheme" }).map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          const { overlay } = machineOptions(
            parseMachine(formatMachine({ version: 1, overlay: { "/x": machineContent(bytes) } })),
          );
          expect(Buffer.from((overlay as Map<string, Uint8Array>).get("/x")!)).toEqual(Buffer.from(bytes));
        },
      ),
    );
    expect(machineContent(Buffer.from("plain\n"))).toBe("plain\n");
    expect(machineContent(Uint8Array.of(0xff))).toEqual({ base64: "/w==" });
  });

  it.each<[string, unknown, string | RegExp]>([
    ["no JSON", "{", /^machine is no JSON: /],
    ["no JSON in many lines", '{\n"a":\n\u001b[31m\n}', /^machine is no JSON: [^\n\u001b]*$/],
    ["a list", "[]", "machine must be an object, not [object Array]"],
    ["nothing", "null", "machine must be an object, not null"],
    ["no version", {}, "machine.version must be 1, not undefined"],
    ["a later version", { version: 2, new: 1 }, "machine.version must be 1, not 2"],
    ["an unknown key", { version: 1, disk: [] }, 'unknown option "disk" of machine (did you mean "disks"?)'],
    ["a policy", { version: 1, policy: "x" }, /^unknown option "policy" of machine \(there are version, memory, /],
    ["a key of objects", '{"version":1,"__proto__":{}}', /^unknown option "__proto__" of machine/],
    [
      "memory in words",
      { version: 1, memory: "1G" },
      /^machine.memory must be a whole number of bytes from 1048576 to 70368744177664, not "1G"$/,
    ],
    ["too little memory", { version: 1, memory: 1024 }, /^machine.memory must be .*, not 1024$/],
    ["half a byte", { version: 1, memory: MIB + 0.5 }, /^machine.memory must be/],
    ["memory of nobody's", { version: 1, memory: 2 ** 47 }, /^machine.memory must be/],
    ["a disk by itself", { version: 1, disks: "a" }, 'machine.disks must be an array of at most 32 disks, not "a"'],
    ["too many disks", { version: 1, disks: Array(33).fill("a") }, /^machine.disks must be an array of at most 32/],
    ["a disk that is a number", { version: 1, disks: ["a", 3] }, "machine.disks[1] must be a name or a disk, not 3"],
    ["a disk without a name", { version: 1, disks: [""] }, /^machine.disks\[0\] must be a name of at most 4096/],
    ["a disk with nothing", { version: 1, disks: [{}] }, /^machine.disks\[0\].image must be a name .*, not undefined$/],
    ["a NUL in a name", { version: 1, disks: ["a\0b"] }, /^machine.disks\[0\] must be a name/],
    ["a name without end", { version: 1, disks: ["a".repeat(4097)] }, /^machine.disks\[0\] must be a name/],
    [
      "a strange format",
      { version: 1, disks: [{ image: "a", format: "iso" }] },
      /^machine.disks\[0\].format must be one of "raw", /,
    ],
    [
      "a strange sector",
      { version: 1, disks: [{ image: "a", sectorSize: 1024 }] },
      "machine.disks[0].sectorSize must be one of 512, 4096, not 1024",
    ],
    [
      "a wrong flag",
      { version: 1, disks: [{ image: "a", readOnly: 1 }] },
      "machine.disks[0].readOnly must be true or false, not 1",
    ],
    [
      "an unknown key of a disk",
      { version: 1, disks: [{ image: "a", path: "b" }] },
      /^unknown option "path" of machine.disks\[0\]/,
    ],
    [
      "a file that is none",
      { version: 1, disks: [{ image: "a", files: [1] }] },
      "machine.disks[0].files[0] must be a name or an image, not 1",
    ],
    [
      "a file with sectors",
      { version: 1, disks: [{ image: "a", files: [{ image: "b", sectorSize: 512 }] }] },
      /^unknown option "sectorSize" of machine.disks\[0\].files\[0\]/,
    ],
    [
      "a file of no name",
      { version: 1, disks: [{ image: "a", files: [""] }] },
      /^machine.disks\[0\].files\[0\] must be a name/,
    ],
    ["a device that is a number", { version: 1, currdev: 1 }, "machine.currdev must be a string, not 1"],
    [
      "variables in a list",
      { version: 1, environment: ["a=b"] },
      "machine.environment must be an object, not [object Array]",
    ],
    [
      "a variable that is a number",
      { version: 1, environment: { a: 1 } },
      'machine.environment: "a" must be a string without a NUL, not 1',
    ],
    [
      "a variable without a name",
      { version: 1, environment: { "": "x" } },
      'machine.environment: "" is no variable\'s name',
    ],
    [
      "a variable with =",
      { version: 1, environment: { "a=b": "x" } },
      'machine.environment: "a=b" is no variable\'s name',
    ],
    [
      "variables without end",
      { version: 1, environment: { a: "x".repeat(MIB) } },
      "machine.environment has 1048577 characters, more than the 1048576 that may be",
    ],
    [
      "too many variables",
      { version: 1, environment: Object.fromEntries(Array.from({ length: 4097 }, (_, i) => [`v${i}`, ""])) },
      /^machine.environment has 4097 variables/,
    ],
    [
      "a flag in words",
      { version: 1, defaultEnvironment: "no" },
      'machine.defaultEnvironment must be true or false, not "no"',
    ],
    ["an overlay in a list", { version: 1, overlay: [] }, "machine.overlay must be an object, not [object Array]"],
    ["a directory of the host", { version: 1, overlay: "/etc" }, 'machine.overlay must be an object, not "/etc"'],
    ["a path without a root", { version: 1, overlay: { "boot/x": "" } }, /^overlay: "boot\/x" is no path from a root/],
    ["a path with half a character", { version: 1, overlay: { "/\ud800": "" } }, /^machine.overlay: .* is no path$/],
    ["half a character", { version: 1, overlay: { "/a": "\ud800" } }, /^machine.overlay: "\/a" isn't text/],
    [
      "a file that is a number",
      { version: 1, overlay: { "/a": 1 } },
      /^machine.overlay: "\/a" must be text, .* or null, not 1$/,
    ],
    [
      "a file by name",
      { version: 1, overlay: { "/a": { file: "/etc/passwd" } } },
      /^machine.overlay: "\/a" must be text/,
    ],
    [
      "a file by name, too",
      { version: 1, overlay: { "/a": { base64: "", file: "x" } } },
      /^unknown option "file" of machine.overlay: "\/a"/,
    ],
    ...["AAA", "A===", "====", "AA=A", "AA A", "AAA*", "=AAA"].map((base64): [string, unknown, RegExp] => [
      `${base64} for Base64`,
      { version: 1, overlay: { "/a": { base64 } } },
      /^machine.overlay: "\/a".base64 must be bytes in Base64/,
    ]),
    [
      "files without end",
      { version: 1, overlay: { "/a": "x".repeat(9 * MIB), "/b": "x".repeat(9 * MIB) } },
      /^machine.overlay has 18874368 bytes, more than/,
    ],
    [
      "too many files",
      { version: 1, overlay: Object.fromEntries(Array.from({ length: 4097 }, (_, i) => [`/${i}`, ""])) },
      /^machine.overlay has 4097 files/,
    ],
    [
      "a strange interpreter",
      { version: 1, loader: "perl" },
      /^machine.loader must be one of "4th", "lua", "simp", not "perl"$/,
    ],
    ["a strange start", { version: 1, start: "x" }, /^machine.start must be one of/],
    ["two interpreters", { version: 1, start: "lua", loader: "lua" }, /^machine.start: there is machine.loader, too/],
    ["a strange interface", { version: 1, interface: "5" }, 'machine.interface must be one of 3, 4, 5, not "5"'],
    [
      "a strange profile",
      { version: 1, profile: 11 },
      /^machine.profile must be one of "auto", 12, 13, 14, 15, not 11$/,
    ],
    ["a strange console", { version: 1, console: "vga" }, /^machine.console must be one of "stdio", "none"/],
    ["a strange clock", { version: 1, clock: "slow" }, /^machine.clock must be one of/],
    [
      "a strange seed",
      { version: 1, hashSeed: -1 },
      "machine.hashSeed must be a whole number from 0 to 4294967295, not -1",
    ],
    ["a text without end", " ".repeat(32 * MIB + 1), /^machine has 33554433 characters, more than the 33554432/],
  ])("is refused with %s", (_, given, message) => {
    const refused = refusal(given);
    expect(refused?.name).toBe("OptionError");
    expect(refused?.message).toMatch(message);
    expect(refused?.message).not.toContain("\n");
    expect(refused!.message.length).toBeLessThan(300);
  });
});
