// Mistakes of callers whose program no compiler has seen: each is one clear line, before anything runs.

import { readFileSync } from "node:fs";
import ts from "typescript";
import { BytesDisk, boot, inspect, OptionError, preload } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { PRELOAD_OPTIONS } from "../../build/host/boot.js";
import { INSPECT_OPTIONS } from "../../build/host/inspect/options.js";
import { BOOT_OPTIONS } from "../../build/host/options.js";
import { inRepository } from "../support/repository.js";

/** The names in an interface, as its source has them. */
function namesOf(file: string, name: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(inRepository(file), "utf8"), ts.ScriptTarget.ES2022);
  const found = source.statements.find((node) => ts.isInterfaceDeclaration(node) && node.name.text === name);
  return (found as ts.InterfaceDeclaration).members.map((member) => (member.name as ts.Identifier).text);
}

/** What a caller may have written. */
type Anything = Record<string, unknown>;
const BOOTS = ["thread", "process", "none"] as const;
const FUNCTIONS = {
  boot: [BOOT_OPTIONS, (options: Anything) => boot(options)],
  inspect: [INSPECT_OPTIONS, (options: Anything) => inspect({ disks: [new Uint8Array(512)], ...options })],
  preload: [PRELOAD_OPTIONS, (options: Anything) => preload(options)],
} as const;

describe("the tables of options", () => {
  it.each([
    [BOOT_OPTIONS, "host/options.ts", "BootOptions"],
    [INSPECT_OPTIONS, "host/inspect/options.ts", "InspectOptions"],
    [PRELOAD_OPTIONS, "host/options.ts", "PreloadOptions"],
    [BOOT_OPTIONS.hooks.fields, "host/policy/hooks.ts", "BootHooks"],
    [BOOT_OPTIONS.memory.fields, "host/options.ts", "MemorySize"],
  ])("%#: has the names of %2$s, and no other ones", (table, file, name) => {
    expect(Object.keys(table).sort()).toEqual(namesOf(file, name).sort());
  });
});

describe.each(Object.entries(FUNCTIONS))("%s", (of, [table, call]) => {
  it.each(Object.keys(table))("refuses a wrong %s by its name", async (name) => {
    const refused = call({ [name]: Symbol("x") });
    await expect(refused).rejects.toThrow(OptionError);
    await expect(refused).rejects.toThrow(new RegExp(`^${name} must be .*, not Symbol\\(x\\)$`));
  });

  it("refuses options that there aren't", async () => {
    const refused = call({ nothing: 1 });
    await expect(refused).rejects.toThrow(OptionError);
    await expect(refused).rejects.toThrow(
      `unknown option "nothing" of ${of} (there are ${Object.keys(table).join(", ")})`,
    );
  });

  it("takes undefined for what isn't said", async () => {
    const unsaid = Object.fromEntries(Object.keys(table).map((name) => [name, undefined]));
    const ended = call({
      ...unsaid,
      ...(of === "boot" && { limits: { fuel: 1 } }),
      ...(of === "inspect" && { disks: [new Uint8Array(512)] }),
    });
    await expect(ended).resolves.not.toThrow();
    await ((await ended) as { close?(): Promise<void> } | undefined)?.close?.();
  });
});

describe("a mistake", () => {
  const image = new Uint8Array(512);
  it.each<[Anything, string]>([
    [{ disk: [image] }, 'unknown option "disk" of boot (did you mean "disks"?)'],
    [{ onprogress() {} }, 'unknown option "onprogress" of boot (did you mean "onProgress"?)'],
    [{ mem: 5 }, 'unknown option "mem" of boot (did you mean "memory"?)'],
    [{ disks: "x" }, 'disks must be an array of disks, not "x"'],
    [{ disks: image }, "disks must be an array of disks, not [object Uint8Array]"],
    [{ disks: Promise.resolve([]) }, "disks must be an array of disks, not [object Promise]"],
    [{ disks: [image, new Uint8Array()] }, "disks[1] is empty, not a disk image"],
    [{ disks: [new Blob()] }, "disks[0] is empty, not a disk image"],
    [{ disks: [{ image: new Uint8Array() }] }, "disks[0].image is empty, not a disk image"],
    [{ disks: [{ image, files: [new Blob()] }] }, "disks[0].files[0] is empty, not a disk image"],
    [{ disks: [""] }, "disks[0] is empty, not a disk image"],
    [
      { disks: [image, { sectorSize: 1024, size: 512, read: () => 0 }] },
      "disks[1]: sector size 1024 is not 512 or 4096",
    ],
    [{ disks: [{ sectorSize: 512, size: 512, read: 5 }] }, "disks[0] must be a path, bytes, a Blob"],
    [{ disks: [image, { sectorSize: undefined, size: 512, read: () => 0 }] }, "disks[1] must be a path, bytes"],
    [{ disks: [image, image, Promise.resolve(image)] }, "disks[2] is a promise: `await` it first"],
    [{ disks: [{ image: Promise.resolve(image) }] }, "disks[0].image is a promise: `await` it first"],
    [{ disks: [image, new BytesDisk(image, 1024 as 512)] }, "disks[1]: sector size 1024 is not 512 or 4096"],
    [{ disks: [{ image, sectorsize: 512 }] }, 'unknown option "sectorsize" of disks[0] (did you mean "sectorSize"?)'],
    [{ disks: [{ image, sectorSize: "512" }] }, 'disks[0].sectorSize must be a number, not "512"'],
    [{ memory: "256M" }, 'memory must be a number of bytes, or { low, high }, not "256M"'],
    [{ memory: { low: "1", high: 0 } }, 'memory.low must be a number, not "1"'],
    [
      { map: [{ base: 0, length: 1 }] },
      "map[0] must be an object with `base`, `length` and `type`, not [object Object]",
    ],
    [{ map: [{ base: 0, length: 1, type: "1" }] }, 'map[0].type must be a number, not "1"'],
    [{ env: "a=b" }, 'env must be an array of strings, not "a=b"'],
    [{ env: ["a=b", 5] }, "env[1] must be a string, not 5"],
    [{ clock: "fast" }, 'clock must be "real", "virtual" or an object with `now` and `sleep`, not "fast"'],
    [{ console: () => {} }, "console must be an object with `write`, not [object Function]"],
    [{ signal: new AbortController() }, "signal must be an AbortSignal, not [object AbortController]"],
    [{ hooks: { onfile() {} } }, 'unknown option "onfile" of hooks (did you mean "onFile"?)'],
    [{ hooks: { onFile: "deny" } }, 'hooks.onFile must be a function, not "deny"'],
    [{ hooks: { automation: [5] } }, "hooks.automation[0] must be an object, not 5"],
    [{ limits: { walMs: 1 } }, 'unknown limit "walMs"'],
    [{ digests: "yes" }, 'digests must be true or false, not "yes"'],
    [{ env: null }, "env must be an array of strings, not null"],
    [{ currdev: "x".repeat(50) }, "currdev"],
    [{ measure: "x".repeat(50) }, `measure must be true or false, not "${"x".repeat(40)}"`],
  ])("%# is said in one line", async (options, message) => {
    for (const isolation of BOOTS) {
      const refused = boot({ ...options, isolation });
      await expect(refused).rejects.toThrow(OptionError);
      await expect(refused).rejects.toThrow(message);
      await refused.catch(({ message }: Error) => expect(message).not.toContain("\n"));
    }
  });

  it("is also what is no object of options", async () => {
    const given = boot as (options?: unknown) => Promise<unknown>;
    await expect(given()).rejects.toThrow("options must be an object, not undefined");
    await expect(given("disk.img")).rejects.toThrow('options must be an object, not "disk.img"');
    await expect(given([image])).rejects.toThrow("options must be an object, not [object Array]");
    await expect((inspect as typeof given)({})).rejects.toThrow("disks must be an array of disks, not undefined");
    await expect((inspect as typeof given)({ disks: [image, new Blob()] })).rejects.toThrow("disks[1] is empty");
    await expect(preload({ flavours: ["perl" as "lua"] })).rejects.toThrow(
      'flavours[0] must be one of 4th, lua, simp, not "perl"',
    );
    await expect(preload({ assets: { luá: 1 } as object })).rejects.toThrow('unknown asset "luá"');
  });

  it("is no state that hooks have of their own", async () => {
    const hooks = { seen: [] as string[], onSetenv: () => undefined };
    await expect(boot({ hooks, limits: { fuel: 1 } })).resolves.toMatchObject({ reason: "error" });
  });
});
