// A thread's program begins with the code that the engine made of it in a thread before.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { createPool } from "userboot-wasm";
import { afterAll, describe, expect, it } from "vitest";
import type { Launch } from "../../build/host/worker/node_launch.js";
import { LAUNCHER, PROGRAM, spawnNodeThread } from "../../build/host/worker/node_spawn.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { Scratch } from "../support/scratch.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

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
});
