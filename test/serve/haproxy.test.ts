// Two services behind HAProxy, as docs/serve.md has them, and one of them killed in the middle: every request is answered once, and
// rightly.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { GUESTS, guestImage } from "../support/guests.js";
import { inRepository } from "../support/repository.js";
import { Scratch } from "../support/scratch.js";
import { type Answered, askAt, machine, TestService } from "../support/service.js";

const PATHS = { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` };
const hasProxy = spawnSync("haproxy", ["-v"], { env: PATHS }).status === 0;
if (!hasProxy) console.warn("SKIPPED, no haproxy: two services behind it, one of which is killed");
const BOOTS = 500;
const AT_ONCE = 16;
const KINDS = ["amd64", "i386"] as const;

const scratch = new Scratch();
const images = join(scratch.path, "images");
let proxy: ChildProcess | undefined;

beforeAll(() => {
  mkdirSync(images);
  for (const kind of KINDS) writeFileSync(join(images, `${kind}.img`), guestImage(GUESTS[kind]));
});
afterAll(async () => {
  if (proxy?.exitCode === null) {
    const exit = once(proxy, "exit");
    proxy.kill("SIGTERM");
    await exit;
  }
  scratch[Symbol.dispose]();
});

/** Starts HAProxy with the example's configuration, between sockets of this test's. */
async function startProxy(services: readonly TestService[]): Promise<{ socketPath: string }> {
  const socketPath = join(scratch.path, "proxy.sock");
  let text = readFileSync(inRepository("examples/serve/haproxy.cfg"), "utf8");
  const lines = services.map(({ socketPath }, at) => `  server userboot${at} unix@${socketPath}`);
  text = text
    .replace(/^ {2}bind .*$/m, `  bind unix@${socketPath}`)
    .replace(/^( {2}server .*\n)+/m, `${lines.join("\n")}\n`);
  const file = scratch.file("haproxy.cfg", text);
  proxy = spawn("haproxy", ["-db", "-f", file], { env: PATHS, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  proxy.stderr!.on("data", (chunk) => {
    said += chunk;
  });
  for (;;) {
    if (proxy.exitCode !== null) throw new Error(`haproxy ended: ${said}`);
    const answer = await askAt({ socketPath }, "/v1/health").catch(() => undefined);
    if (answer?.status === 200) return { socketPath };
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

it.skipIf(!hasProxy)(
  "one of two is killed in the middle: all are answered once, rightly",
  { timeout: 240_000 },
  async () => {
    const start = (name: string) =>
      TestService.start(scratch.path, ["--images", images, "--size", "2", "--spare", "2"], name);
    await using one = await start("one.sock");
    await using other = await start("other.sock");
    const place = await startProxy([one, other]);
    const answers: Answered[][] = Array.from({ length: BOOTS }, () => []);
    let next = 0;
    let done = 0;
    const client = async (): Promise<void> => {
      for (let at = next++; at < BOOTS; at = next++) {
        const body = { machine: { ...machine(`${KINDS[at % 2]}.img`), environment: { mark: `boot ${at}` } } };
        const headers = { "X-Request-Id": `boot-${at}` };
        answers[at]!.push(await askAt(place, "/v1/boot", { method: "POST", body, headers }));
        if (++done === BOOTS / 2) one.child.kill("SIGKILL");
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, client));
    expect(one.child.signalCode).toBe("SIGKILL");
    for (const [at, all] of answers.entries()) {
      expect(all.length).toBe(1);
      const { status, headers, json } = all[0]!;
      expect([status, json.reason, json.arch]).toEqual([200, "exec", KINDS[at % 2]]);
      expect(json.environment.mark).toBe(`boot ${at}`);
      expect(headers["x-request-id"]).toBe(`boot-${at}`);
    }
    // Both had their part of it, and the one that is left did all of the rest.
    expect(one.lines.filter(({ reason }) => reason === "exec").length).toBeGreaterThan(BOOTS / 8);
    expect(await other.figure('boots_total{outcome="exec"}')).toBeGreaterThanOrEqual(BOOTS / 2);
  },
);
