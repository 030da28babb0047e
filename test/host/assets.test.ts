// Where modules come from when a caller says so, and what is told of those that can't be had.

import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  AbortedError,
  AssetError,
  type Assets,
  type BootOptions,
  boot,
  type Console,
  DiskError,
  inspect,
  KeysConsole,
  OptionError,
  preload,
} from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { checkAssets } from "../../build/host/assets.js";
import { modulePath } from "../support/flavours.js";
import { guestImage } from "../support/guests.js";
import { inRepository } from "../support/repository.js";
import { openFiles } from "../support/resources.js";
import { Scratch } from "../support/scratch.js";

const image = guestImage("amd64-ufs2-gpt");
const run = (assets: Assets, more: BootOptions = {}) =>
  boot({
    disks: [image],
    start: "lua",
    interfaceVersion: 4,
    clock: "virtual",
    assets,
    console: new KeysConsole(["\r"]),
    ...more,
  });
const bytes = () => new Uint8Array(readFileSync(modulePath("lua")));
const nowhere = new URL("file:///nowhere/core.wasm");

describe.each(["thread", "none"] as const)("modules that are given (isolation %s)", (isolation) => {
  it.each<[string, () => NonNullable<Assets["modules"]>]>([
    ["a URL", () => ({ lua: pathToFileURL(modulePath("lua")) })],
    ["a URL as text", () => ({ lua: pathToFileURL(modulePath("lua")).href })],
    ["bytes", () => ({ lua: bytes() })],
    ["an ArrayBuffer", () => ({ lua: bytes().buffer })],
    ["a module", () => ({ lua: new WebAssembly.Module(bytes()) })],
    ["a promise of a module", () => ({ lua: WebAssembly.compile(bytes()) })],
    ["a promise of a URL", () => ({ lua: Promise.resolve(pathToFileURL(modulePath("lua"))) })],
  ])("boot a guest: %s", async (_, modules) => {
    // Another one is never looked for.
    const result = await run({ modules: { simp: nowhere, "4th": nowhere, ...modules() } }, { isolation });
    expect(result).toMatchObject({ reason: "exec", flavour: "lua" });
  });

  it.each<[string, Assets["modules"], Partial<AssetError>]>([
    ["a file that isn't there", { lua: nowhere }, { url: nowhere.href, message: `${nowhere}: no such file` }],
    ["no URL", { lua: "lua.wasm" }, { url: "lua.wasm", message: "lua.wasm: is no URL" }],
    ["bytes of something else", { lua: new ArrayBuffer(8) }, { url: "assets.modules.lua" }],
    ["a promise of something else", { lua: Promise.resolve(5 as never) }, { url: "assets.modules.lua" }],
  ])("are refused by name: %s", async (_, modules, error) => {
    const refused = run({ modules: modules! }, { isolation });
    await expect(refused).rejects.toThrow(AssetError);
    await expect(refused).rejects.toMatchObject({ name: "AssetError", ...error });
  });

  it("are refused when what was promised doesn't come", async () => {
    const refused = run({ modules: { lua: Promise.reject(new Error("no net")) } }, { isolation });
    await expect(refused).rejects.toThrow(AssetError);
    await expect(refused).rejects.toThrow("assets.modules.lua: can't be had (Error: no net)");
  });

  it("are waited for no longer than the signal allows", async () => {
    const never = new Promise<never>(() => {});
    const signal = () => AbortSignal.timeout(100);
    const ended = await Promise.allSettled<unknown>([
      run({ modules: { lua: never } }, { isolation, signal: signal() }),
      run({ modules: { wasi: never } }, { isolation, signal: signal(), hostTrees: [{ note: new Uint8Array(1) }] }),
      run({ modules: { simp: never } }, { isolation, signal: signal(), interfaceVersion: 5 }),
      inspect({ disks: [image], isolation, assets: { modules: { inspect: never } }, signal: signal() }),
    ]);
    for (const one of ended) expect(one).toMatchObject({ status: "rejected", reason: expect.any(AbortedError) });
  });

  it("end a session when its guest swaps to one that can't be had", async () => {
    const { error, reason } = await run({ modules: { simp: nowhere } }, { isolation, interfaceVersion: 5 });
    expect(reason).toBe("error");
    expect(error).toEqual({ name: "AssetError", url: nowhere.href, message: `${nowhere}: no such file` });
  });
});

it.each<[string, RegExp, Partial<Console>]>([
  ["host trees can't be had", /no such file/, {}],
  [
    "the console can't be connected",
    /^no terminal$/,
    {
      connect() {
        throw new Error("no terminal");
      },
    },
  ],
])("a boot in this thread leaves nothing open when %s", async (_, message, more) => {
  using scratch = new Scratch();
  const path = scratch.file("guest.img", image);
  let connected = 0;
  const console: Console = {
    write() {},
    connect() {
      connected++;
      return () => connected--;
    },
    ...more,
  };
  const options = { disks: [path], hostTrees: [{ note: new Uint8Array(1) }], isolation: "none", console } as const;
  // The first one loads what it needs.
  for (let round = 0, open = 0; round < 2; round++, open = openFiles()) {
    await expect(run({ modules: { wasi: nowhere } }, options)).rejects.toThrow(message);
    expect(connected).toBe(0);
    if (round > 0) expect(openFiles()).toBe(open);
  }
});

it("a promise that fails is no error of the program's when nobody comes to want it", async () => {
  const unhandled: unknown[] = [];
  const hear = (error: unknown) => unhandled.push(error);
  process.on("unhandledRejection", hear);
  try {
    const assets = { modules: { simp: Promise.reject(new Error("no net")) } };
    expect((await run(assets)).reason).toBe("exec");
    await expect(boot({ disks: ["/nowhere/disk.img"], assets })).rejects.toThrow(DiskError);
    const broken = { modules: { lua: Promise.reject("broken") } };
    await expect(preload({ assets: broken })).rejects.toThrow(/^assets.modules.lua: can't be had \(broken\)$/);
    await new Promise((done) => setImmediate(done));
  } finally {
    process.off("unhandledRejection", hear);
  }
  expect(unhandled).toEqual([]);
});

it("an asset that is undefined is none that was given", () => {
  const modules = { lua: undefined };
  expect(() => checkAssets({ worker: undefined, modules } as never)).not.toThrow();
  expect(() => checkAssets({ worker: 1 } as never)).toThrow(
    new OptionError("assets.worker must be a URL, or a function that makes a Worker"),
  );
});

it("what was missing is looked for again", async () => {
  using scratch = new Scratch();
  const path = join(scratch.path, "lua.wasm");
  const assets = { modules: { lua: pathToFileURL(path) } };
  await expect(preload({ assets, flavours: ["lua"] })).rejects.toThrow(AssetError);
  copyFileSync(modulePath("lua"), path);
  expect((await run(assets)).reason).toBe("exec");
});

it("wasmer-js that couldn't be started is started by the next boot that wants it", () => {
  // In a program of its own: what was loaded once is there.
  const script = `
    import { readFileSync } from "node:fs";
    import { boot } from "userboot-wasm";
    const other = new WebAssembly.Module(readFileSync(${JSON.stringify(modulePath("simp"))}));
    const hostTrees = [{ "boot/loader.rc": new TextEncoder().encode("quit\\n") }];
    const options = { start: "simp", clock: "virtual", isolation: "none", hostTrees };
    const run = (wasi) => boot({ ...options, ...(wasi && { assets: { modules: { wasi } } }) }).then(
      ({ reason }) => reason,
      ({ name, message }) => name + ": " + message,
    );
    console.log(JSON.stringify([await run(other), await run(other), await run(), await run(other)]));`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    cwd: inRepository(""),
  });
  expect(stderr).toBe("");
  const refused = expect.stringMatching(/^AssetError: assets\.modules\.wasi: is not the module of wasmer-js \(.*\)$/);
  // Once it is there, it is the one.
  expect(JSON.parse(stdout)).toEqual([refused, refused, "exit", "exit"]);
});

it("a server's answer is told with its status", async () => {
  const answers: Record<string, [status: number, type: string, body: string | Uint8Array, more?: object]> = {
    "/lua.wasm": [200, "application/wasm", bytes()],
    "/lua.bin": [200, "application/octet-stream", bytes()],
    "/lua": [200, "", bytes()],
    "/page": [200, "text/html", "<!doctype html>"],
    "/none": [404, "text/html", "<!doctype html>"],
    "/text.wasm": [200, "application/wasm", "no module"],
    "/text": [200, "text/plain", "no module"],
    "/half": [200, "", bytes().subarray(0, 1000), { "content-length": 2000 }],
  };
  const server = createServer(({ url = "" }, response) => {
    const [status, type, body, more] = answers[url] ?? [503, "text/html", "<!doctype html>"];
    response.writeHead(status, { ...(type && { "content-type": type }), ...more });
    if (more === undefined) response.end(body);
    else response.write(body, () => response.destroy());
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  try {
    const { port } = server.address() as AddressInfo;
    const at = (path: string) => new URL(path, `http://127.0.0.1:${port}`);
    for (const path of ["/lua.wasm", "/lua.bin", "/lua"])
      expect(await run({ modules: { lua: at(path) } }), path).toMatchObject({ reason: "exec" });
    for (const [path, status, message] of [
      ["/busy", 503, /^the server answers 503$/],
      ["/none", 404, /^the server answers 404; serve this package's files there, .* "assets"$/],
      ["/text.wasm", 200, /^is no WebAssembly module \(/],
      ["/text", 200, /^is no WebAssembly module \(/],
      ["/half", 200, /^can't be read to its end \(/],
    ] as const) {
      const refused = run({ modules: { lua: at(path) } });
      await expect(refused, path).rejects.toMatchObject({ name: "AssetError", url: at(path).href, status });
      const said = await refused.catch((error: Error) => error.message);
      expect(String(said).slice(`${at(path)}: `.length)).toMatch(message);
    }
    const page = { status: 200, message: `${at("/page")}: the server gives text/html in its place` };
    await expect(inspect({ disks: [image], assets: { modules: { inspect: at("/page") } } })).rejects.toMatchObject(
      page,
    );
    server.close();
    server.closeAllConnections();
    const nobody = { name: "AssetError", status: undefined, message: expect.stringMatching(/: can't be fetched: /) };
    await expect(run({ modules: { lua: at("/nobody") } })).rejects.toMatchObject(nobody);
  } finally {
    server.close();
  }
});

it.each([
  [{ wasm: 1 }, 'unknown asset "wasm" (there are worker, bootWorker, modules)'],
  [{ worker: 5 }, "assets.worker must be a URL, or a function that makes a Worker"],
  [{ modules: 5 }, "assets.modules must be an object"],
  [{ modules: null }, "assets.modules must be an object"],
  [{ modules: { perl: nowhere } }, /^unknown asset "modules\.perl" \(there are simp, 4th, lua, .*, inspect, wasi\)$/],
  [{ modules: { lua: 5 } }, /^assets\.modules\.lua must be a URL, an ArrayBuffer, a WebAssembly\.Module/],
])("options %j are refused", async (assets, message) => {
  for (const refused of [run(assets as never), inspect({ disks: [image], assets: assets as never })]) {
    await expect(refused).rejects.toThrow(OptionError);
    await expect(refused).rejects.toThrow(message);
  }
});

it("a process finds its own", async () => {
  await expect(run({}, { isolation: "process" })).rejects.toThrow('"assets" go with other isolations than "process"');
});
