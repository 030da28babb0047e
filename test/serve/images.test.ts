// Images that requests name: files below the operator's directories, whatever is done to the names meanwhile.

import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Images } from "../../build/host/serve/images.js";
import type { Refusal } from "../../build/host/serve/refusal.js";
import { bestStrategy, type Strategy } from "../../build/host/wasi/places.js";
import { openFiles } from "../support/resources.js";
import { Scratch } from "../support/scratch.js";

const STRATEGIES: Strategy[] = bestStrategy() === "paths" ? ["paths"] : ["descriptors", "paths"];
const INSIDE = "inside".padEnd(512, "-");
const SECRET = "secret".padEnd(512, "-");

const scratch = new Scratch();
const root = join(scratch.path, "root");
const second = join(scratch.path, "second");
const outside = join(scratch.path, "outside");

beforeAll(() => {
  for (const directory of ["root/sub", "second", "outside/sub"])
    mkdirSync(join(scratch.path, directory), { recursive: true });
  writeFileSync(join(root, "a.img"), INSIDE);
  writeFileSync(join(root, "sub", "b.img"), INSIDE);
  writeFileSync(join(second, "c.img"), INSIDE);
  writeFileSync(join(outside, "a.img"), SECRET);
  writeFileSync(join(outside, "sub", "b.img"), SECRET);
  symlinkSync(join(outside, "a.img"), join(root, "link.img"));
  symlinkSync("a.img", join(root, "near.img"));
  symlinkSync(outside, join(root, "away"));
  symlinkSync("/dev/zero", join(root, "zero"));
  spawnSync("mkfifo", [join(root, "fifo")]);
});
afterAll(() => scratch[Symbol.dispose]());

/** The first bytes of what is open by that name. */
async function read(images: Images, name: string): Promise<string> {
  const opened = await images.openAll([name], "");
  try {
    const bytes = Buffer.alloc(6);
    (opened.disks[0]!.image as { read(at: number, target: Uint8Array): number }).read(0, bytes);
    return bytes.toString();
  } finally {
    opened.close();
  }
}

describe.each(STRATEGIES)("by %s", (strategy) => {
  const images = new Images({ shared: [root, second], tenants: [] }, 8, strategy);

  it("files are opened, from the first directory that has them", async () => {
    for (const name of ["a.img", "sub/b.img", "c.img"]) expect(await read(images, name)).toBe("inside");
    expect(images.open).toBe(0);
  });

  it.each([
    ["link.img", /there is a link in its name/],
    ["near.img", /there is a link in its name/],
    ["away/a.img", /there is a link in its name/],
    ["zero", /there is a link in its name/],
    ["fifo", /not a regular file/],
    ["sub", /is a directory/],
  ])("%s is refused", async (name, message) => {
    await expect(images.openAll([name], "")).rejects.toMatchObject({
      name: "DiskError",
      message: expect.stringMatching(message),
    });
    expect(images.open).toBe(0);
  });

  it.each(["", ".", "..", "sub/..", "sub//b.img", "/a.img", "a.img/", "sub/./b.img"])("%j is no name", async (name) => {
    await expect(images.openAll([name], "")).rejects.toMatchObject({ name: "OptionError" });
  });

  it("a name has 32 parts at most", async () => {
    const deep = (parts: number) => new Array(parts).fill("d").join("/");
    await expect(images.openAll([deep(32)], "")).rejects.toMatchObject({ status: 404 } satisfies Partial<Refusal>);
    await expect(images.openAll([deep(33)], "")).rejects.toMatchObject({ name: "OptionError" });
  });

  it("what is open stays what it was when its name has gone, or is another's", async () => {
    writeFileSync(join(root, "gone.img"), INSIDE);
    const opened = await images.openAll(["gone.img"], "");
    rmSync(join(root, "gone.img"));
    writeFileSync(join(root, "gone.img"), SECRET);
    const bytes = Buffer.alloc(6);
    (opened.disks[0]!.image as { read(at: number, target: Uint8Array): number }).read(0, bytes);
    expect(bytes.toString()).toBe("inside");
    opened.close();
    opened.close();
    expect(images.open).toBe(0);
    rmSync(join(root, "gone.img"));
  });

  it("a directory that has gone has nothing in it", async () => {
    const late = new Images({ shared: [join(scratch.path, "late")], tenants: [] }, 8, strategy);
    await expect(late.openAll(["a.img"], "")).rejects.toMatchObject({ status: 404 } satisfies Partial<Refusal>);
  });

  it("no link is followed, whoever exchanges names meanwhile", { timeout: 60_000 }, async () => {
    const before = openFiles();
    // Now a directory and a file, now links that lead out.
    const program = `
      const { renameSync, symlinkSync, rmSync } = require("node:fs");
      const [root, outside] = process.argv.slice(1);
      symlinkSync(outside + "/sub", root + "/sub.link");
      symlinkSync(outside + "/a.img", root + "/a.link");
      process.stdout.write("ready");
      for (;;) {
        for (const [name, other] of [["sub", "sub.link"], ["a.img", "a.link"]]) {
          renameSync(root + "/" + name, root + "/kept");
          renameSync(root + "/" + other, root + "/" + name);
          renameSync(root + "/" + name, root + "/" + other);
          renameSync(root + "/kept", root + "/" + name);
        }
      }`;
    const swapper = spawn(process.execPath, ["-e", program, root, outside], { stdio: ["ignore", "pipe", "inherit"] });
    await new Promise((resolve) => swapper.stdout.once("data", resolve));
    const seen = new Map<string, number>();
    try {
      for (let turn = 0; turn < 400; turn++) {
        for (const name of ["a.img", "sub/b.img"]) {
          const what = await read(images, name).catch((error: Error) => error.message.replace(/^.*: /, ""));
          seen.set(what, (seen.get(what) ?? 0) + 1);
        }
      }
    } finally {
      const ended = new Promise((resolve) => swapper.once("exit", resolve));
      swapper.kill("SIGKILL");
      await ended;
      restore();
    }
    expect(seen.has("secret")).toBe(false);
    if (strategy === "descriptors") expect(seen.get("inside") ?? 0).toBeGreaterThan(0);
    expect(images.open).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(openFiles()).toBeLessThanOrEqual(before + 1);
  });
});

/** Whatever the one who exchanged them left. */
function restore(): void {
  for (const name of ["kept", "sub", "sub.link", "a.img", "a.link"])
    rmSync(join(root, name), { recursive: true, force: true });
  mkdirSync(join(root, "sub"));
  writeFileSync(join(root, "a.img"), INSIDE);
  writeFileSync(join(root, "sub", "b.img"), INSIDE);
}

it("a tenant's directory isn't found by a link either", async () => {
  const tenants = join(scratch.path, "tenants");
  mkdirSync(join(tenants, "anna"), { recursive: true });
  writeFileSync(join(tenants, "anna", "a.img"), SECRET);
  symlinkSync("anna", join(tenants, "berta"));
  const images = new Images({ shared: [], tenants: [tenants] }, 8);
  const opened = await images.openAll(["a.img"], "anna");
  opened.close();
  await expect(images.openAll(["a.img"], "berta")).rejects.toMatchObject({ name: "DiskError" });
  await expect(images.openAll(["a.img"], "")).rejects.toMatchObject({ status: 404 });
  renameSync(join(tenants, "anna"), join(tenants, "carla"));
  await expect(images.openAll(["a.img"], "anna")).rejects.toMatchObject({ status: 404 });
});
