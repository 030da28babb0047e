// A thread's program begins with the code that the engine made of it in a thread before.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { createPool } from "userboot-wasm";
import { afterAll, describe, expect, it } from "vitest";
import type { Launch } from "../../build/host/worker/node_launch.js";
import { LAUNCHER, PROGRAM, spawnNodeThread } from "../../build/host/worker/node_spawn.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { inRepository } from "../support/repository.js";
import { Scratch } from "../support/scratch.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const guestPath = scratch.file("guest.img", guestImage(GUESTS.amd64));

/** The first thing that `program` says when it begins with `code`, and the code that it has then. */
async function launched(program: string, code?: Uint8Array): Promise<{ said: unknown; code: Uint8Array }> {
  const { port1, port2 } = new MessageChannel();
  const workerData: Launch = { program, code, asked: port2 };
  const worker = new Worker(LAUNCHER, { workerData, transferList: [port2] });
  try {
    const said = await first(worker);
    port1.postMessage("code");
    return { said, code: (await first(port1)) as Uint8Array };
  } finally {
    port1.close();
    await worker.terminate();
  }
}

const first = (from: Worker | MessagePort) =>
  new Promise((resolve, reject) => {
    from.once("message", resolve);
    (from as Worker).once("error", reject);
  });

describe("the launcher", () => {
  const program = (name: string, says: string) => {
    const path = join(scratch.path, name);
    const text = `const { parentPort } = require("node:worker_threads");
parentPort.on("message", () => {});
parentPort.postMessage(${says});\n`;
    writeFileSync(path, text);
    return path;
  };

  it("runs the program where that is", async () => {
    expect((await launched(program("where.cjs", "[__filename, __dirname]"))).said).toEqual([
      join(scratch.path, "where.cjs"),
      scratch.path,
    ]);
  });

  it("runs it with the code that is given", async () => {
    const { code, said } = await launched(program("one.cjs", '"one"'));
    expect(said).toBe("one");
    // The engine knows a program by its length: that of one as long shows that the code is run, and not the text.
    expect((await launched(program("two.cjs", '"two"'), code)).said).toBe("one");
    expect((await launched(program("three.cjs", '"three"'), code)).said).toBe("three");
  });

  it("runs a session's program without code that isn't this engine's", async () => {
    const path = fileURLToPath(PROGRAM);
    const { code } = await launched(path);
    expect(code.length).toBeGreaterThan(10_000);
    for (const other of [new Uint8Array(), code.slice(0, 100), code.map((byte, at) => (at < 32 ? byte ^ 0xff : byte))])
      expect((await launched(path, other)).said).toBe("ready");
  });
});

describe("a thread's code", () => {
  it("is kept once, and not asked of one that is gone", async () => {
    const gone = spawnNodeThread(PROGRAM, true);
    await gone.ready;
    await gone.terminate();
    await gone.keepCode?.();
    const cells = [spawnNodeThread(PROGRAM, true), spawnNodeThread(PROGRAM, true)];
    await Promise.all(cells.map(({ ready }) => ready));
    for (const cell of [...cells, ...cells]) await cell.keepCode?.();
    await Promise.all(cells.map((cell) => cell.terminate()));
  });

  it("boots guests as the text does", async () => {
    await using pool = createPool({ isolation: "thread", size: 1, spare: 1, loader: "lua" });
    const outputs: unknown[] = [];
    for (let i = 0; i < 4; i++) {
      while (pool.stats().spares === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      const result = await pool.boot({ disks: [guestImage(GUESTS.amd64)], start: "lua", clock: "virtual" });
      const { reason, kernel, entry } = result as unknown as { reason: string; kernel: unknown; entry: unknown };
      outputs.push({ reason, kernel, entry });
      result.release();
    }
    expect(outputs[0]).toMatchObject({ reason: "exec" });
    for (const output of outputs) expect(output).toEqual(outputs[0]);
  });

  it("is that of a spare in which nobody's guest was, and what all threads after it begin with", () => {
    const program = `import { syncBuiltinESMExports } from "node:module";
      import threads from "node:worker_threads";
      const { MessageChannel, Worker } = threads;
      const began = [];
      const had = [];
      const askable = [];
      // What goes to threads: those that may be asked have a channel for that.
      threads.Worker = class extends Worker {
        constructor(program, options) {
          super(program, options);
          this.number = began.push(options.workerData.code instanceof Uint8Array) - 1;
        }
        postMessage(message) {
          if ("options" in message) had.push(this.number + (message.options.memory.low === ${64 << 20} ? " guest" : " rehearsal"));
          super.postMessage(message);
        }
      };
      threads.MessageChannel = function () {
        const channel = new MessageChannel();
        const number = began.length;
        askable.push(number);
        channel.port1.postMessage = (message) => {
          had.push(number + " asked");
          MessagePort.prototype.postMessage.call(channel.port1, message);
        };
        return channel;
      };
      syncBuiltinESMExports();
      const { boot, createPool, preload } = await import("userboot-wasm");
      await preload({ flavours: ["simp"] });
      const until = async (is) => {
        while (!is()) await new Promise((done) => setImmediate(done));
      };
      const pool = createPool({ size: 1, spare: 1, loader: "simp", reuse: "tenant" });
      const options = { disks: [${JSON.stringify(guestPath)}], start: "simp", clock: "virtual", memory: ${64 << 20} };
      // The first spare is taken while it loads, and serves its tenant again.
      await until(() => began.length === 1);
      await pool.boot({ ...options, tenant: "a" });
      await until(() => pool.stats().spares === 1);
      await pool.boot({ ...options, tenant: "a" });
      await pool.boot({ ...options, tenant: "b" });
      await boot(options);
      await until(() => began.length === 4);
      await pool.close();
      console.log(JSON.stringify({ began, had, askable }));`;
    const ran = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
      cwd: inRepository(""),
      encoding: "utf8",
      timeout: 50_000,
    });
    expect(ran).toMatchObject({ status: 0, stderr: "" });
    const { began, had, askable } = JSON.parse(ran.stdout) as { began: boolean[]; had: string[]; askable: number[] };
    expect(askable).toEqual([0, 1]);
    expect(began).toEqual([false, false, true, true]);
    // The third is a spare when the pool is closed.
    const used = had.filter((what) => !what.startsWith("2"));
    expect(used).toEqual(["0 guest", "1 rehearsal", "1 asked", "0 guest", "1 guest", "3 guest"]);
  });
});

it.each([
  ["ERR_WORKER_INVALID_EXEC_ARGV", "ready [true,false]"],
  ["ERR_WORKER_INIT_FAILED", "no [true]"],
])("a thread whose flags are refused with %s: %s", (code, said) => {
  const program = `import { syncBuiltinESMExports } from "node:module";
    import threads from "node:worker_threads";
    const { Worker } = threads;
    const flagged = [];
    threads.Worker = class extends Worker {
      constructor(program, options) {
        flagged.push(options.execArgv.length > 0);
        if (flagged.at(-1)) throw Object.assign(new Error("no"), { code: "${code}" });
        super(program, options);
      }
    };
    syncBuiltinESMExports();
    const { spawnNodeThread } = await import("./build/host/worker/node_spawn.js");
    try {
      const cell = spawnNodeThread();
      let end = "ready";
      cell.onFailure((why) => (end = why));
      await cell.ready;
      console.log(end, JSON.stringify(flagged));
      await cell.terminate();
    } catch ({ message }) {
      console.log(message, JSON.stringify(flagged));
    }`;
  const args = ["--input-type=module", "-e", program];
  const ran = spawnSync(process.execPath, args, { cwd: inRepository(""), encoding: "utf8", timeout: 30_000 });
  expect(ran).toMatchObject({ status: 0, stderr: "", stdout: `${said}\n` });
});
