// The projects in examples/ work as they stand, with the packed package: on Node, and in Chromium.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import * as vite from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHROMIUM, ISOLATING, launchChromium, serveFiles } from "../../support/chromium.js";
import { type Guest, guestImage } from "../../support/guests.js";
import { Projects } from "../../support/installed.js";
import { inRepository } from "../../support/repository.js";

let projects: Projects;
beforeAll(() => {
  projects = new Projects();
});
afterAll(() => projects?.[Symbol.dispose]());

/** The example `name` where somebody would have it; its directory. */
function project(name: string): string {
  const source = inRepository(`examples/${name}`);
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((path) =>
    statSync(join(source, path)).isFile(),
  );
  return projects.add(name, Object.fromEntries(files.map((path) => [path, readFileSync(join(source, path), "utf8")])));
}

/** Runs a script of its package.json. */
function npm(directory: string, script: string, ...args: string[]) {
  return spawnSync("npm", ["run", "--silent", script, "--", ...args], { cwd: directory, encoding: "utf8" });
}

/** Files for other programs, not projects. */
const NO_PROJECTS = ["libvirt", "serve"];

it("every example is a project that has this package's version, but those that are for other programs", () => {
  const { version } = JSON.parse(readFileSync(inRepository("package.json"), "utf8"));
  const named = readFileSync(inRepository("examples/README.md"), "utf8");
  const names = readdirSync(inRepository("examples"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(names.map(({ name }) => name)).toEqual([
    "console",
    "editor",
    "libvirt",
    "node",
    "page",
    "policies",
    "serve",
    "vite-xterm",
  ]);
  for (const { name } of names) {
    expect(named).toContain(`[${name}](${name}/)`);
    if (NO_PROJECTS.includes(name)) continue;
    const { dependencies } = JSON.parse(readFileSync(inRepository(`examples/${name}/package.json`), "utf8"));
    expect(dependencies["userboot-wasm"]).toBe(`^${version}`);
  }
});

describe("examples/node", { timeout: 180_000 }, () => {
  let directory: string;
  beforeAll(() => {
    directory = project("node");
  });

  it("boots, and explains a missing image", () => {
    const { stdout, status } = npm(directory, "start");
    expect(stdout).toMatch(/kernel entered at 0xffffffff80\w+\n0x200000 \/boot\/kernel\/kernel/);
    expect(status).toBe(0);
    expect(npm(directory, "start", "/nonexistent.img")).toMatchObject({
      status: 2,
      stderr: "/nonexistent.img: no such file\n",
    });
  });

  it("hands over memory, registers and descriptors", () => {
    const lines = npm(directory, "print-calls").stdout.trim().split("\n");
    expect(lines[0]).toBe("create(memory 268435456)");
    expect(lines).toContain("write(0x3000, 32 bytes)");
    expect(lines).toContain("setRegister(rsp, 0x1fdc)");
    expect(lines).toContain("setDescriptor(gdtr, 0x3000, 31, 0)");
    expect(lines.at(-1)).toBe("run()");
  });
});

describe("examples/policies", { timeout: 180_000 }, () => {
  let directory: string;
  let image: string;
  beforeAll(() => {
    directory = project("policies");
    image = join(directory, "node_modules/userboot-wasm/images/amd64-ufs2-gpt.img.gz");
  });

  it("boots a known kernel, and lists what was used", () => {
    const { stdout, status } = npm(directory, "start");
    expect(stdout).toMatch(/^[0-9a-f]{64} kernel \/boot\/kernel\/kernel$/m);
    expect(stdout).toMatch(/^files [0-9a-f]{64}$/m);
    expect(status).toBe(0);
  });

  it("refuses what a policy refuses, and a policy that is wrong", () => {
    const add = (name: string, text: string) => {
      const file = join(projects.add(name, { "policy.lua": text }), "policy.lua");
      return npm(directory, "start", image, file);
    };
    const refused = add("refuses", 'function onKernel(kernel) log("asked") return deny("not today") end');
    expect(refused).toMatchObject({ status: 1, stdout: "" });
    expect(refused.stderr).toMatch(/^policy: asked\n.*\/boot\/kernel\/kernel denied by .*policy\.lua:1: not today\n$/);
    const wrong = add("wrong", "function onKernel(");
    expect(wrong).toMatchObject({ status: 2, stdout: "" });
    expect(wrong.stderr).toMatch(/policy\.lua:1: .*\n$/);
  });
});

describe.skipIf(CHROMIUM === undefined)("examples of pages", { timeout: 180_000 }, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());

  const shows = (page: Page, element: string, text: string) => page.locator(element, { hasText: text }).waitFor();
  const choose = (page: Page, guest: Guest) =>
    page.setInputFiles("#image", {
      name: "guest.img",
      mimeType: "application/octet-stream",
      buffer: Buffer.from(guestImage(guest)),
    });

  /** Types at the loader's prompt, and corrects it there. */
  async function type(page: Page): Promise<void> {
    await page.keyboard.type("set demo.note=tyqed");
    for (let i = 0; i < 3; i++) await page.keyboard.press("Backspace");
    await page.keyboard.type("ped");
    await page.keyboard.press("Enter");
    await page.keyboard.type("boot");
    await page.keyboard.press("Enter");
  }

  it("page: an image is booted, with keys typed on the way", async () => {
    const server: ChildProcess = spawn(process.execPath, ["serve.js"], {
      cwd: project("page"),
      env: { ...process.env, PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const [line] = await once(server.stdout!, "data");
      const address = String(line).trim();
      for (const path of ["..%2fpage%2fserve.js", "nothing", "%"]) {
        expect((await fetch(address + path)).status).toBe(404);
      }
      const page = await browser.newPage();
      await page.goto(address);
      expect(await page.evaluate("crossOriginIsolated")).toBe(true);
      await choose(page, "i386-ufs1-mbr");
      await shows(page, "#screen", "Booting [");
      await page.keyboard.press("x");
      await shows(page, "#screen", "OK");
      await type(page);
      await shows(page, "#machine", "reason");
      const machine = JSON.parse((await page.textContent("#machine")) ?? "");
      expect(machine).toMatchObject({ reason: "exec", arch: "i386", registers: { rsp: "0x1fdc" } });
      expect(await page.textContent("#screen")).toContain("OK set demo.note=typed\n");
      await page.close();
    } finally {
      server.kill();
    }
  });

  it("console: the element boots the sample, and an image that is chosen", async () => {
    const server: ChildProcess = spawn(process.execPath, ["serve.js"], {
      cwd: project("console"),
      env: { ...process.env, PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const [line] = await once(server.stdout!, "data");
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
      await page.goto(String(line).trim());
      await shows(page, "userboot-console .xterm-rows", "Booting [");
      await page.keyboard.press("x");
      await shows(page, "#state", "The guest waits: OK");
      await type(page);
      await shows(page, "#state", "The amd64 kernel would be entered at 0xffffffff80");
      await choose(page, "i386-ufs1-mbr");
      await shows(page, "userboot-console .xterm-rows", "Booting [");
      await page.keyboard.press("Enter");
      await shows(page, "#state", "The i386 kernel would be entered at 0x");
      expect(complaints).toEqual([]);
      await page.close();
    } finally {
      server.kill();
    }
  });

  it("editor: the element opens the sample, and boots it", async () => {
    const server: ChildProcess = spawn(process.execPath, ["serve.js"], {
      cwd: project("editor"),
      env: { ...process.env, PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const [line] = await once(server.stdout!, "data");
      const page = await browser.newPage();
      const complaints: string[] = [];
      page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
      await page.goto(String(line).trim());
      await page.getByRole("button", { name: /^A sample guest/ }).click();
      await shows(page, "#state", "It will boot a kernel for amd64");
      await page.getByRole("button", { name: "Boot", exact: true }).first().click();
      await shows(page, "userboot-console .xterm-rows", "Booting in");
      await page.keyboard.press("Enter");
      await shows(page, "#state", "The boot is over: exec.");
      expect(complaints).toEqual([]);
      await page.close();
    } finally {
      server.kill();
    }
  });

  it("vite-xterm: a terminal shows the loader and takes keys, and the guest can be had as a file", async () => {
    const directory = project("vite-xterm");
    const terminal = "node_modules/@xterm/xterm";
    mkdirSync(join(directory, "node_modules/@xterm"));
    cpSync(inRepository(terminal), join(directory, terminal), { recursive: true });
    const { preview } = (await import(join(directory, "vite.config.js"))).default;
    expect(preview.headers).toEqual(ISOLATING);
    await vite.build({ root: directory, logLevel: "error" });
    const csp = { "content-security-policy": "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'" };
    const server = await serveFiles(join(directory, "dist"), { ...csp, ...preview.headers });
    try {
      const page = await browser.newPage();
      await page.goto(`${server.origin}/`);
      await choose(page, "amd64-ufs2-gpt");
      await shows(page, ".xterm-rows", "Booting [");
      await page.keyboard.press("x");
      await shows(page, ".xterm-rows", "OK");
      await type(page);
      await shows(page, "#state", "The kernel was entered at 0xffffffff80");
      await shows(page, ".xterm-rows", "set demo.note=typed");
      const bytes = `fetch(document.querySelector("a").href).then(async (r) => [...new Uint8Array(await r.arrayBuffer(), 0, 4)])`;
      expect(await page.evaluate(bytes)).toEqual([0x7f, 0x45, 0x4c, 0x46]);
      await page.close();
    } finally {
      server.close();
    }
  });
});
