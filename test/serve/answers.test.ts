// What a service answers: results, machines, and each thing that is wrong with its own status and error.

import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { boot, memoryMap, pack } from "userboot-wasm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { guest } from "../safety/endless_guests.js";
import { userboot } from "../support/cli.js";
import { GUESTS, guestImage } from "../support/guests.js";
import { Scratch } from "../support/scratch.js";
import { heard, machine, TestService } from "../support/service.js";

const scratch = new Scratch();
const images = join(scratch.path, "images");
const disk = guestImage(GUESTS.amd64);
let service: TestService;

beforeAll(async () => {
  mkdirSync(images);
  writeFileSync(join(images, "a.img"), disk);
  writeFileSync(join(images, "nothing.img"), new Uint8Array(4096));
  const quits = guest("quit");
  const bytes = new Uint8Array(quits.size);
  await quits.read(0, bytes);
  writeFileSync(join(images, "quits.img"), bytes);
  writeFileSync(join(images, "cyan\x1b[36m.img"), "");
  const policies = join(scratch.path, "policies");
  mkdirSync(policies);
  writeFileSync(join(policies, "no.lua"), 'function onExec() return deny("none of these") end');
  writeFileSync(join(policies, "yes.lua"), "");
  const bounds = ["bodyBytes=64K", "openImages=8"].flatMap((one) => ["--serve-limit", one]);
  const pool = ["--size", "2", "--spare", "1", "--pool-limit", "guestMemory=1G", "--limit", "wallMs=20000"];
  service = await TestService.start(scratch.path, ["--images", images, "--policies", policies, ...bounds, ...pool]);
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  scratch[Symbol.dispose]();
});

describe("a boot", () => {
  it("is answered with its result", async () => {
    const { status, headers, json } = await service.boot({ machine: machine("a.img"), digests: true });
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("application/json; charset=utf-8");
    const env = ["boot_serial=1", "smbios.bios.vendor=BHYVE"];
    const here = await boot({ disks: [disk], clock: "virtual", isolation: "none", env, digests: true });
    const { registers, memory, calls, modules, environment } = here;
    expect(json).toMatchObject({ reason: "exec", registers, memory, calls, modules, environment });
    expect(json.isolation.level).toBe("process");
  });

  it("is answered with the machine, the file that `pack` makes", async () => {
    const { status, headers, body } = await service.boot({ machine: machine("a.img"), format: "machine" });
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("application/octet-stream");
    const memory = 256 * 2 ** 20;
    const env = ["boot_serial=1", "smbios.bios.vendor=BHYVE"];
    const options = {
      disks: [disk],
      clock: "virtual",
      isolation: "none",
      env,
      map: memoryMap("bhyve", memory),
    } as const;
    expect(body.equals(await pack(await boot(options), "machine"))).toBe(true);
  });

  it("has a guest that doesn't boot in its result", async () => {
    const { status, json } = await service.boot({ machine: machine("nothing.img") });
    expect(status).toBe(200);
    expect(json.reason).not.toBe("exec");
    expect(json.bootProblem.length).toBeGreaterThan(0);
  });

  it("gives no machine of one that doesn't boot, but its result", async () => {
    const { status, json } = await service.boot({ machine: machine("quits.img"), format: "machine" });
    expect(status).toBe(422);
    expect(json.error).toEqual({ name: "HandoffError", message: "the loader ended with 1, no kernel was entered" });
    expect(json.result).toMatchObject({ reason: "exit", exitCode: 1 });
  });

  it("is held to a limit that is lowered", async () => {
    const { status, json } = await service.boot({ machine: machine("a.img"), limits: { diskBytes: 8192 } });
    expect(status).toBe(200);
    expect(json.error).toMatchObject({ name: "LimitError", limit: "diskBytes", allowed: 8192 });
  });

  it("may have all that the service allows", async () => {
    const { status, json } = await service.boot({ machine: machine("a.img"), limits: { wallMs: 20_000 } });
    expect([status, json.reason]).toEqual([200, "exec"]);
  });

  it("obeys a policy of the operator's", async () => {
    const refused = await service.boot({ machine: machine("a.img"), policy: "no" });
    expect(refused.json.error).toMatchObject({ name: "PolicyError" });
    const taken = await service.boot({ machine: machine("a.img"), policy: "yes" });
    expect(taken.json.reason).toBe("exec");
  });
});

const REFUSED: [what: string, body: unknown, status: number, name: string, message: RegExp][] = [
  ["no JSON", "{", 400, "OptionError", /the body is no JSON/],
  ["no text", new Uint8Array([0xff, 0xfe]), 400, "OptionError", /no text in UTF-8/],
  ["no object", "[]", 400, "OptionError", /must be an object/],
  ["no set-up", {}, 400, "OptionError", /there is no "machine"/],
  ["an option that there isn't", { machine: machine("a.img"), isolation: "none" }, 400, "OptionError", /"isolation"/],
  ["another version", { machine: { version: 2 } }, 400, "OptionError", /machine\.version/],
  ["another format", { machine: machine("a.img"), format: "elf" }, 400, "OptionError", /format must be/],
  ["a policy that there isn't", { machine: machine("a.img"), policy: "../no" }, 400, "RequestError", /no policy/],
  [
    "a limit that is raised",
    { machine: machine("a.img"), limits: { wallMs: 20_001 } },
    400,
    "OptionError",
    /more than the 20000/,
  ],
  [
    "a limit that there isn't",
    { machine: machine("a.img"), limits: { time: 1 } },
    400,
    "OptionError",
    /unknown limit "time"/,
  ],
  ["an image that there isn't", { machine: machine("b.img") }, 404, "DiskError", /^b\.img: no such image$/],
  ["an image behind a file", { machine: machine("a.img/b.img") }, 404, "DiskError", /no such image/],
  ["a full path", { machine: machine("/etc/passwd") }, 400, "OptionError", /without empty parts/],
  ["a path that leads out", { machine: machine("../s.sock") }, 400, "OptionError", /without empty parts/],
  ["a directory", { machine: machine({ image: "a.img", files: ["."] }) }, 400, "OptionError", /without empty parts/],
  ["a packed image", { machine: machine({ image: "a.img", format: "gzip" }) }, 400, "OptionError", /unpacks no images/],
  ["an empty image", { machine: machine("cyan\x1b[36m.img") }, 422, "DiskError", /^cyan\?\[36m\.img: empty file/],
  ["too much memory", { machine: { ...machine("a.img"), memory: 2 ** 31 } }, 422, "PoolError", /all guests together/],
  [
    "a memory map that there isn't",
    { machine: machine("a.img"), map: "vmware" },
    400,
    "OptionError",
    /unknown memory map/,
  ],
  ["a long body", { machine: machine("a.img"), policy: "x".repeat(65_536) }, 413, "RequestError", /65536 bytes/],
];

describe("what is refused", () => {
  it.each(REFUSED)("%s", async (_what, body, status, name, message) => {
    const answer = await service.boot(body);
    expect(answer.status).toBe(status);
    expect(answer.json.error.name).toBe(name);
    expect(answer.json.error.message).toMatch(message);
  });

  it.each([false, true])("a body of a byte more than there may be (in chunks: %s)", async (chunked) => {
    const headers = chunked ? { "Transfer-Encoding": "chunked" } : {};
    for (const [more, status] of [
      [0, 400],
      [1, 413],
    ] as const) {
      const answer = await service.boot("[]".padEnd(65_536 + more), headers);
      expect(answer.status).toBe(status);
    }
  });

  it("too many images at a time", async () => {
    const { status, json, headers } = await service.boot({ machine: machine(...new Array(9).fill("a.img")) });
    expect(status).toBe(503);
    expect(json.error.message).toBe("too many images are open");
    expect(headers["retry-after"]).toBe("1");
    expect(await service.figure("open_images")).toBe(0);
  });

  it("what only the pool finds wrong, once the images are open: they are closed", async () => {
    const { status, json } = await service.boot({ machine: { ...machine("a.img"), currdev: "disk\u20ac" } });
    expect([status, json.error.name]).toEqual([400, "OptionError"]);
    expect(await service.figure("open_images")).toBe(0);
  });

  it("a path, a method and a type that there isn't", async () => {
    expect(await service.ask("/v1/boots")).toMatchObject({ status: 404, json: { error: { name: "RequestError" } } });
    expect(await service.ask("/constructor")).toMatchObject({ status: 404 });
    const wrong = await service.ask("/v1/boot", { method: "PUT", body: {} });
    expect(wrong).toMatchObject({ status: 405, headers: { allow: "POST" } });
    expect(await service.boot("a=b", { "Content-Type": "application/x-www-form-urlencoded" })).toMatchObject({
      status: 415,
    });
  });
});

describe("besides boots", () => {
  it("health and figures are told", async () => {
    expect(await service.ask("/v1/health")).toMatchObject({ status: 200, json: { live: true, ready: true } });
    expect(await service.ask("/v1/health/live?x=1")).toMatchObject({ status: 200 });
    const { headers, body } = await service.ask("/metrics");
    expect(headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    const lines = body.toString().trimEnd().split("\n");
    for (const line of lines) expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{\w+="[^"]+"\})? [0-9.e+-]+)$/);
    expect(lines.filter((line) => line.startsWith("userboot_boots_total")).length).toBe(5);
    const gauges = lines.flatMap((line) => /^# TYPE userboot_(\S+) gauge$/.exec(line)?.[1] ?? []);
    const ofPool = ["queued", "running", "spares", "starting", "guest_memory_bytes", "tenants"];
    expect(gauges.slice(0, 7)).toEqual(["ready", ...ofPool]);
    // Buckets are cumulative, and the last one has all.
    const buckets = lines
      .flatMap((line) => /^userboot_boot_seconds_bucket\{.*\} (\d+)$/.exec(line)?.[1] ?? [])
      .map(Number);
    expect(buckets).toEqual([...buckets].sort((a, b) => a - b));
    expect(lines).toContain(`userboot_boot_seconds_count ${buckets.at(-1)}`);
  });

  it("a request's own name is in its answer and in the log", async () => {
    const { headers } = await service.boot({}, { "X-Request-Id": "abc-1" });
    expect(headers["x-request-id"]).toBe("abc-1");
    const line = await service.line("request", ({ id }) => id === "abc-1");
    expect(line).toMatchObject({ method: "POST", url: "/v1/boot", status: 400, sent: true });
    const other = await service.ask("/v1/health", { headers: { "X-Request-Id": "a b" } });
    expect(other.headers["x-request-id"]).toBeUndefined();
  });

  it("the log has nothing that acts on a terminal", async () => {
    const socket = await service.connect();
    socket.write("GET /\x1b[31m HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    await heard(socket);
    await service.boot({ machine: machine("x\u202e\x1b]0;title\x07") });
    expect(service.other).toEqual([]);
    for (const line of service.lines) expect(JSON.stringify(line)).not.toMatch(/[\x1b\x07\u202e]/);
  });
});

describe("the command line", () => {
  const serve = (...args: string[]) => {
    const { status, stderr } = userboot(["serve", ...args], { encoding: "utf8" });
    return { status, stderr };
  };
  const tokens = () => scratch.file("tokens", "a:0123456789abcdef\n");

  it.each([
    [["--listen", "0.0.0.0:80"], /give unix:PATH, 127\.0\.0\.1:PORT or \[::1\]:PORT/],
    [["--listen", "127.0.0.1:70000"], /give unix:PATH/],
    [["--listen", "unix:s.sock"], /a socket's path is a full one/],
    [["--listen", "127.0.0.1:0"], /give a --token-file/],
    [["--listen", "unix:/tmp/x.sock"], /no directory of images given/],
    [["--listen", "unix:/tmp/x.sock", "--images", "/nowhere"], /\/nowhere: no such file/],
    [["--listen", "unix:/tmp/x.sock", "--images", "/etc/passwd"], /is no directory/],
    [["--listen", "unix:/tmp/x.sock", "--images", "/tmp", "--policy", "x"], /there is no --policies directory/],
    [["--listen", "unix:/tmp/x.sock", "--images", "/tmp", "--size", "0"], /size must be a whole number from 1/],
    [["--listen", "unix:/tmp/x.sock", "--images", "/tmp", "--serve-limit", "bodyMs=0"], /nothing could be served/],
    [["--listen", "unix:/tmp/x.sock", "--images", "/tmp", "--serve-limit", "x=1"], /unknown limit 'x'/],
  ])("%j is refused in one line", (args, message) => {
    const { status, stderr } = serve(...args);
    expect(status).toBe(2);
    expect(stderr).toMatch(/^userboot: .*\n$/);
    expect(stderr).toMatch(message);
  });

  it("a token file that others can read, or with anything else in it, is refused", () => {
    const place = ["--listen", "127.0.0.1:0", "--images", images, "--token-file"];
    const refused = (content: string, mode: number) => {
      const path = tokens();
      writeFileSync(path, content);
      chmodSync(path, mode);
      return serve(...place, path).stderr;
    };
    const good = "a:0123456789abcdef\n";
    expect(refused(good, 0o644)).toMatch(/its mode is 644; others must not read it/);
    expect(refused(good, 0o620)).toMatch(/its mode is 620/);
    expect(refused("0123456789abcdef\n", 0o600)).toMatch(/line 1 isn't TENANT:TOKEN/);
    expect(refused("../a:0123456789abcdef\n", 0o600)).toMatch(/line 1 isn't TENANT:TOKEN/);
    expect(refused("a:short\n", 0o600)).toMatch(/a token is 16 to 512 characters/);
    const long = `b:${"y".repeat(512)}\n`;
    for (const token of ["x".repeat(15), "x".repeat(513), `${"x".repeat(16)}\u00e9`, `\u00e9${"x".repeat(16)}`])
      expect(refused(`${good}${long}c:${token}\n`, 0o600)).toMatch(/line 3: a token is 16 to 512 characters/);
    expect(refused(`${good}b:0123456789abcdef\n`, 0o600)).toMatch(/line 2: this token stands there twice/);
    expect(refused("# nobody\n", 0o600)).toMatch(/there is no token in it/);
    expect(serve(...place, images).stderr).toMatch(/is a directory/);
  });
});
