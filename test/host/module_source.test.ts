// Modules of a platform that isn't Node's: where they are is what it says, as long as it says so.

import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { NEEDED } from "../../build/host/assets.js";
import { AssetError } from "../../build/host/errors.js";
import { AssetModules, setModuleSource } from "../../build/host/modules.js";
import { modulePath } from "../support/flavours.js";

const bytes = () => new Uint8Array(readFileSync(modulePath("simp")));
const own = new AssetModules(undefined);

/** Says that modules are at `base`, but those that it doesn't know; what was read of there. */
function platform(base: string, small: boolean, unknown: readonly string[] = []): string[] {
  const read: string[] = [];
  setModuleSource({
    small,
    place: (name) => (unknown.includes(name) ? undefined : new URL(name, base)),
    read: (place) => {
      read.push(place.href);
      return WebAssembly.compile(bytes());
    },
  });
  return read;
}

it("without a platform there are none", () => {
  for (const ask of [() => own.first("lua"), () => own.ready("lua"), () => own.find("lua"), () => own.small]) {
    expect(ask).toThrow(AssetError);
    expect(ask).toThrow("modules: this platform has no source of them");
  }
});

it("are where the platform says that they are now", async () => {
  const before = platform("https://one.example/", false);
  await own.find("lua");
  expect(before).toEqual(["https://one.example/lua"]);
  const after = platform("https://two.example/", false);
  expect(own.ready("lua")).toBeUndefined();
  await own.find("lua");
  expect([before.length, after]).toEqual([1, ["https://two.example/lua"]]);
  expect(own.ready("lua")).toBeInstanceOf(WebAssembly.Module);
});

it("begin with small ones where bytes are dear, unless the whole one is given, or nobody knows of a small one", () => {
  platform("https://page.example/", true);
  expect(own.first("lua")).toBe("lua_small");
  expect(own.small).toEqual(["4th", "lua", "simp"]);
  const given = new AssetModules({ modules: { lua: bytes() } });
  expect(given.first("lua")).toBe("lua");
  expect(given.small).toEqual(["4th", "simp"]);
  expect(new AssetModules({ modules: { lua: bytes(), lua_small: bytes() } }).first("lua")).toBe("lua");
  platform("https://page.example/", true, ["lua_small"]);
  expect(own.first("lua")).toBe("lua");
  expect(new AssetModules({ modules: { lua_small: bytes() } }).first("lua")).toBe("lua_small");
  platform("https://node.example/", false);
  expect(own.first("lua")).toBe("lua");
  expect(new AssetModules({ modules: { lua_small: bytes() } }).first("lua")).toBe("lua");
});

it("that are given as bytes are compiled once, and ready then", async () => {
  platform("https://page.example/", false);
  const given = new AssetModules({ modules: { lua: bytes() } });
  expect(given.ready("lua")).toBeUndefined();
  const module = await given.find("lua");
  expect(given.ready("lua")).toBe(module);
  expect(await given.find("lua")).toBe(module);
  expect(given.table()).toEqual(new Map([["lua", module]]));
});

it("are needed where nobody knows of them", async () => {
  const read = platform("https://bundle.example/", true, ["lua", "wasi"]);
  for (const name of ["lua", "wasi"] as const) {
    const refused = own.find(name);
    await expect(refused).rejects.toThrow(AssetError);
    await expect(refused).rejects.toMatchObject({
      url: `assets.modules.${name}`,
      message: expect.stringContaining(NEEDED),
    });
    expect(own.ready(name)).toBeUndefined();
  }
  expect(read).toEqual([]);
});
