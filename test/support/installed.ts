// The package as somebody else has it: packed, and installed into empty projects without development packages.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { inRepository } from "./repository.js";
import { Scratch } from "./scratch.js";

/** Projects that have installed the packed package, each with its own copy of it. */
export class Projects {
  readonly #scratch = new Scratch();
  readonly #installed: string;

  constructor() {
    const npm = (cwd: string, ...args: string[]) =>
      execFileSync("npm", args, { cwd, encoding: "utf8", shell: process.platform === "win32" });
    const { path } = this.#scratch;
    // What is built is packed as it is: the build is another test's.
    const packed = npm(inRepository(""), "pack", "--ignore-scripts", "--silent", "--pack-destination", path).trim();
    this.#installed = join(path, "installed");
    mkdirSync(this.#installed);
    writeFileSync(join(this.#installed, "package.json"), '{"private":true}');
    const quiet = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"];
    npm(this.#installed, "install", ...quiet, join(path, packed.split("\n").at(-1)!));
  }

  /** A new project with these files; its directory. */
  add(name: string, files: Record<string, string>): string {
    const directory = join(this.#scratch.path, name);
    cpSync(join(this.#installed, "node_modules"), join(directory, "node_modules"), { recursive: true });
    for (const [path, text] of Object.entries({ "package.json": '{"private":true,"type":"module"}', ...files })) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), text);
    }
    return directory;
  }

  [Symbol.dispose](): void {
    this.#scratch[Symbol.dispose]();
  }
}
