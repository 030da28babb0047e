import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { CLI, userboot } from "../support/cli.js";
import { guestImage, recordedImage } from "../support/guests.js";
import { inRepository } from "../support/repository.js";
import { Scratch } from "../support/scratch.js";

/** `userboot boot` with an example policy, without the guest's console. */
const withPolicy = (policy: string, image: string, ...more: string[]) => {
  const options = ["--clock", "virtual", "--start", "simp", "-c", "none", "--json"];
  const path = inRepository(`examples/policies/${policy}.lua`);
  const args = ["boot", "-d", image, "--policy", path, ...options, ...more];
  const { status, stdout, stderr } = userboot(args, { encoding: "utf8" });
  return { status, stderr, result: stdout === "" ? undefined : JSON.parse(stdout) };
};

describe("the example policies", () => {
  it("serial-console.lua forces console and UUID", () => {
    using scratch = new Scratch();
    const image = scratch.file("guest.img", guestImage("amd64-ufs2-gpt"));
    const uuid = scratch.file("uuid", "6f1a0c3e-0000-4000-8000-000000000001\n");
    const { status, result } = withPolicy("serial-console", image, "--grant", `uuid=${uuid}`);
    expect(status).toBe(0);
    expect(result.environment).toMatchObject({
      boot_serial: "YES",
      console: "comconsole",
      "smbios.system.uuid": "6f1a0c3e-0000-4000-8000-000000000001",
    });
  });

  it.each(["amd64-ufs2-gpt", "i386-ufs1-mbr"] as const)("allow-list.lua knows the kernel of %s", (guest) => {
    using scratch = new Scratch();
    expect(withPolicy("allow-list", scratch.file("guest.img", guestImage(guest))).status).toBe(0);
  });

  it("allow-list.lua refuses a changed kernel, naming file and hash", () => {
    using scratch = new Scratch();
    const changed = Buffer.from(guestImage("amd64-ufs2-gpt"));
    const at = changed.indexOf("userboot-wasm test kernel");
    expect(at).toBeGreaterThan(0);
    changed[at] = 0x55;
    const { status, stderr, result } = withPolicy("allow-list", scratch.file("guest.img", changed));
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^userboot: file disk0p2:\/boot\/kernel\/kernel denied by allow-list\.lua:\d+: .*[0-9a-f]{64}/m,
    );
    expect(result.memory).toEqual([]);
  });

  it("allow-list.lua takes a granted list instead", () => {
    using scratch = new Scratch();
    const image = scratch.file("guest.img", guestImage("amd64-ufs2-gpt"));
    expect(withPolicy("allow-list", image, "--grant", `kernels=${scratch.file("list", "00\n")}`).status).toBe(1);
  });

  it("single-user.lua boots for rescue", () => {
    using scratch = new Scratch();
    const { status, stderr, result } = withPolicy(
      "single-user",
      scratch.file("guest.img", guestImage("amd64-ufs2-gpt")),
    );
    expect(status).toBe(0);
    expect(stderr).toContain("policy: starting /boot/kernel/kernel in single-user mode");
    expect(result.environment.boot_single).toBe("YES");
    expect(result.modules[0].args).toBe("-sv");
  });

  it("listed-modules.lua lets the listed one pass and refuses another", () => {
    using scratch = new Scratch();
    const image = guestImage("amd64-ufs2-gpt");
    expect(withPolicy("listed-modules", scratch.file("guest.img", image)).status).toBe(0);
    const renamed = Buffer.from(image);
    // The module under another name: in the directory, and in the script that loads it.
    for (const name of ["ubdemo.ko", "load ubdemo"]) {
      for (let at = renamed.indexOf(name); at >= 0; at = renamed.indexOf(name, at + 1)) {
        renamed.write(name.replace("ubdemo", "ubdemx"), at, "latin1");
      }
    }
    const { status, stderr } = withPolicy("listed-modules", scratch.file("renamed.img", renamed));
    expect(status).toBe(1);
    expect(stderr).toContain("/boot/kernel/ubdemx.ko denied by listed-modules.lua:");
  });

  const plain = recordedImage("zfs-plain");
  if (plain === undefined) console.warn("SKIPPED: boot-environment.lua, its ZFS guest is among the recordings");
  it.runIf(plain !== undefined)("boot-environment.lua starts the named dataset, and only that", () => {
    using scratch = new Scratch();
    const image = scratch.file("zfs.img", plain!);
    const grant = (dataset: string) => ["--grant", `dataset=${scratch.file("dataset", dataset)}`];
    const { status, result } = withPolicy(
      "boot-environment",
      image,
      ...grant("synth/ROOT/default"),
      "--interface",
      "4",
    );
    expect(status).toBe(0);
    expect(result.environment).toMatchObject({
      currdev: "zfs:synth/ROOT/default:",
      "vfs.root.mountfrom": "zfs:synth/ROOT/default",
    });
    const other = withPolicy("boot-environment", image, ...grant("synth/ROOT/nosuch"), "--interface", "4");
    expect(other.status).toBe(1);
  });
});

describe("a bad policy", () => {
  it.each([
    ["function onFile(", /^userboot: p\.lua:1: .*\n$/],
    ["function onFille() end", /^userboot: p\.lua: unknown hook 'onFille'.*\n$/],
    ["function onFile() return 1 end", /userboot: p\.lua: onFile answered a number; .*\n$/],
    ["function onFile() error('no') end", /userboot: p\.lua:1: no\n$/],
    ["function onFile() while true do end end", /userboot: p\.lua:1: instruction limit reached\n$/],
  ])("%j is one line and status 2", (text, message) => {
    using scratch = new Scratch();
    const image = scratch.file("guest.img", guestImage("amd64-ufs2-gpt"));
    const args = ["boot", "-d", image, "--policy", scratch.file("p.lua", text), "-c", "none", "--start", "simp"];
    const { status, stderr } = userboot(args, { encoding: "utf8" });
    expect(stderr).toMatch(message);
    expect(status).toBe(2);
  });

  it("is not looked for without --policy: fengari stays out", () => {
    const script = `
      process.argv.splice(1, 1, ${JSON.stringify(CLI)}, "boot", "-d", "/nonexistent");
      process.on("exit", () => {
        const loaded = Object.keys(process.getBuiltinModule("module")._cache).filter((path) => path.includes("fengari"));
        process.stdout.write(JSON.stringify(loaded));
      });
      await import(${JSON.stringify(CLI)});`;
    const run = (more: string) =>
      JSON.parse(
        spawnSync(process.execPath, ["--input-type=module", "-e", `${more}${script}`], { encoding: "utf8" }).stdout,
      );
    expect(run("")).toEqual([]);
    // The same look finds it when it is there.
    expect(run(`await import(${JSON.stringify(inRepository("build/host/policy/index.js"))});`)).not.toEqual([]);
  });
});
