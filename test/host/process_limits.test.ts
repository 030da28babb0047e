// What a session's process is started with, and what its cell tells of it: limits to the byte and second, the new root that
// bubblewrap makes, and another process where one that was launched ahead may use less than the session.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { BootOptions } from "userboot-wasm";
import { describe, expect, it, vi } from "vitest";
import type { StartMessage } from "../../build/host/isolation/messages.js";
import { type SessionOptions, sessionOptions } from "../../build/host/options.js";
import {
  findBwrap,
  type ProcessLimits,
  processCommand,
  processLimits,
  whyUnconfined,
} from "../../build/host/process/confine.js";
import { spawnProcess } from "../../build/host/process/spawn.js";
import { PROGRAM } from "../../build/host/process/start.js";
import { readingRights } from "../../build/host/worker/node_rights.js";
import { children } from "../support/resources.js";

const [KIB, MIB, GIB] = [1024, 1024 ** 2, 1024 ** 3];
const linux = process.platform === "linux";

describe("the limits of a process", () => {
  const demands = {
    memory: { low: 3 * MIB },
    limits: { wallMs: 1001, moduleMemory: 5 * MIB, examinedBytes: 7 * MIB },
  };

  it("are Node's own memory and what the session may have, what comes with its start twice", () => {
    expect(processLimits(demands)).toEqual({ memory: GIB + 8 * MIB, cpuS: 63 });
    expect(processLimits(demands, 11)).toEqual({ memory: GIB + 8 * MIB + 22, cpuS: 63 });
    expect(processLimits(demands, 11, true).memory).toBe(GIB + 8 * MIB + 2 * (11 + 7 * MIB + GIB));
  });

  it.each([
    [0, 60],
    [1, 61],
    [500, 61],
    [501, 62],
    [60_000, 180],
  ])("are twice the wall time in seconds of processor, and a minute: %i ms are %i s", (wallMs, cpuS) => {
    expect(processLimits({ ...demands, limits: { ...demands.limits, wallMs } }).cpuS).toBe(cpuS);
  });
});

describe("the command that starts a process", () => {
  const limits: ProcessLimits = { memory: 5000 * KIB + 1, cpuS: 77 };
  const node = [
    process.execPath,
    ...["--max-old-space-size=128", "--max-semi-space-size=16", "--disallow-code-generation-from-strings"],
    ...["--no-addons", ...readingRights(), fileURLToPath(PROGRAM)],
  ];

  it("has a shell set the limits, then be the program", () => {
    const { program, args } = processCommand(PROGRAM, limits, undefined);
    const set = ["-c 0", "-f 0", "-n 128", "-d 5001", "-t 77"].map((limit) => {
      const [flag, value] = limit.split(" ");
      return `{ ulimit ${limit} 2>/dev/null || [ "$(ulimit -H ${flag})" -le ${value} ]; }`;
    });
    expect(program).toBe("/bin/sh");
    expect(args).toEqual(["-c", `${set.join(" && ")} && exec "$@"`, "userboot", ...node]);
  });

  it.runIf(linux)("has limits that hold, and go on under lower ones that are there", () => {
    const { args } = processCommand(PROGRAM, limits, undefined);
    const shown = (before: string) =>
      execFileSync(
        "/bin/sh",
        ["-c", `${before}; exec "$@"`, "x", "/bin/sh", "-c", args[1]!, "x", "/bin/cat", "/proc/self/limits"],
        {
          encoding: "utf8",
        },
      );
    const hard = (text: string, name: string) =>
      Number(new RegExp(`^Max ${name}\\s+\\S+\\s+(\\d+)`, "m").exec(text)?.[1]);
    const names = ["core file size", "file size", "open files", "data size", "cpu time"];
    expect(names.map((name) => hard(shown(":"), name))).toEqual([0, 0, 128, 5001 * KIB, 77]);
    expect(names.map((name) => hard(shown("ulimit -n 100; ulimit -t 50"), name))).toEqual([0, 0, 100, 5001 * KIB, 50]);
  });

  it.runIf(existsSync("/usr/bin/bwrap"))("has bubblewrap make a new root, which nothing is written to", () => {
    const plain = processCommand(PROGRAM, limits, undefined).args;
    const { args } = processCommand(PROGRAM, limits, "/usr/bin/bwrap");
    expect(args.slice(0, 3)).toEqual(plain.slice(0, 3));
    const end = args.indexOf("--");
    expect(args.slice(end + 1)).toEqual(node);
    const root = args.slice(3, end);
    const first = ["/usr/bin/bwrap", "--unshare-all", "--die-with-parent", "--clearenv", "--cap-drop", "ALL"];
    expect(root.slice(0, 8)).toEqual([...first, "--hostname", "userboot"]);
    expect(root.slice(-4)).toEqual(["--remount-ro", "/", "--chdir", "/"]);
    const places = root.slice(8, -4);
    for (let at = 0; at < places.length; at += 3) {
      const [how, from, to] = places.slice(at, at + 3);
      if (how !== "--symlink") expect([how, from]).toEqual(["--ro-bind", to]);
    }
    const bound = places.filter((_, at) => at % 3 === 2);
    expect(bound).toContain(process.execPath);
    expect(bound).toContain(fileURLToPath(new URL("../../", import.meta.url)));
  });
});

describe("bubblewrap", () => {
  it("is taken as it is wanted, and why not is said only where it was to be tried", () => {
    expect(findBwrap("none")).toBeUndefined();
    expect(whyUnconfined("none")).toBeUndefined();
    expect(whyUnconfined("bwrap")).toBeUndefined();
  });

  it("that isn't installed is told of, or refused where it is asked for", () => {
    const at = (file: string) => JSON.stringify(new URL(`../../build/host/${file}`, import.meta.url).href);
    const program = `
      const { findBwrap, whyUnconfined } = await import(${at("process/confine.js")});
      const { boot } = await import(${at("index.js")});
      let refused = "";
      try { findBwrap("bwrap"); } catch ({ name, message }) { refused = name + ": " + message; }
      const { isolation } = await boot({ disks: [new Uint8Array(65536)], isolation: "process", clock: "virtual" });
      console.log(JSON.stringify([findBwrap("auto") ?? null, whyUnconfined("auto"), refused, isolation]));`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      encoding: "utf8",
      env: { PATH: ":/nonexistent" },
    });
    const why = "bwrap is not installed; it comes with the package bubblewrap";
    const unheld = { level: "process", confinement: "none", unconfined: why };
    expect(JSON.parse(stdout)).toEqual([null, why, `OptionError: ${why}`, unheld]);
  });
});

describe("a cell that is a process", () => {
  const message = (options: SessionOptions, more: Partial<StartMessage> = {}): StartMessage => ({
    ...{ options, disks: [], trees: [], clock: "virtual", wants: [] },
    ...more,
  });
  const small: BootOptions = { memory: { low: 16 * MIB, high: 0 }, limits: { wallMs: 10_000 } };

  it.each([
    ["auto", findBwrap("auto") === undefined ? "none" : "bwrap"],
    ["none", "none"],
  ] as const)("tells what holds it, asked for %s", async (confine, confinement) => {
    const cell = spawnProcess({ confine });
    cell.start(message(sessionOptions(small)));
    expect(cell.facts).toMatchObject({ level: "process", confinement });
    expect("unconfined" in cell.facts).toBe(confine === "auto" && confinement === "none");
    await cell.terminate();
  });

  it("has the disks that its session reads itself, and none when the caller reads one", async () => {
    const image = { image: new Uint8Array(1024), sectorSize: 512 } as const;
    const disks = (more: object[]) => {
      const cell = spawnProcess({ confine: "none" });
      cell.start(message(sessionOptions(small), { disks: [image, ...more] as StartMessage["disks"] }));
      return cell;
    };
    const [own, served] = [disks([]), disks([{ image: "x", served: 0, size: 512, sectorSize: 512 }])];
    expect(own.disks?.map(({ size }) => size)).toEqual([1024]);
    expect(served.disks).toEqual([]);
    await Promise.all([own.terminate(), served.terminate()]);
  });

  /** The hard limits of the only process that there is. */
  const limitsNow = async () => {
    let found: number[] = [];
    await vi.waitFor(() => {
      const [child, ...others] = children() ?? [];
      expect([child === undefined, others]).toEqual([false, []]);
      const text = readFileSync(`/proc/${child}/limits`, "latin1");
      found = ["data size", "cpu time"].map((name) =>
        Number(new RegExp(`^Max ${name}\\s+\\S+\\s+(\\d+)`, "m").exec(text)?.[1]),
      );
      expect(found.every(Number.isFinite)).toBe(true);
    });
    return found;
  };

  it.runIf(linux).each<[string, BootOptions, boolean]>([
    ["the same", small, false],
    ["less of both", { memory: { low: 8 * MIB, high: 0 }, limits: { wallMs: 5000 } }, false],
    ["more memory", { memory: { low: 32 * MIB, high: 0 }, limits: { wallMs: 5000 } }, true],
    ["more time", { memory: { low: 8 * MIB, high: 0 }, limits: { wallMs: 60_000 } }, true],
  ])("that was launched ahead takes a session that may use %s, or another one does", async (_, wanted, isNew) => {
    const [had, now] = [sessionOptions(small), sessionOptions(wanted)];
    const cell = spawnProcess({ confine: "none", ahead: { options: had } as never });
    const [first] = children() ?? [];
    // Nobody answers its first read: it is there until it is ended.
    const disks = [{ image: "x", served: 0, size: 512, sectorSize: 512 }];
    cell.start(message(now, { disks } as Partial<StartMessage>));
    await vi.waitFor(() => expect(children()).toHaveLength(1));
    expect(children()?.[0] !== first).toBe(isNew);
    // It may serve more than one session, whose time the system counts together.
    const [a, b] = [had, now].map((options) => processLimits(options)).map(({ cpuS, memory }) => [memory, 2 * cpuS]);
    expect(await limitsNow()).toEqual(isNew ? a!.map((limit, i) => Math.max(limit, b![i]!)) : a);
    await cell.terminate();
    expect(children()).toEqual([]);
  });
});
