// Who may ask, for whom, and how much of it: tokens, tenants and their directories, and the share that each gets.

import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { GUESTS, guestImage } from "../support/guests.js";
import { Scratch } from "../support/scratch.js";
import { askAt, heard, machine, TestService } from "../support/service.js";

const scratch = new Scratch();
const own = join(scratch.path, "tenants");
const TOKENS = { anna: "anna-anna-anna-anna", berta: "berta-berta-berta-1", "*": "control-plane-token" };
const bearer = (name: keyof typeof TOKENS) => ({ Authorization: `Bearer ${TOKENS[name]}` });
const as = (tenant: string) => ({ ...bearer("*"), "X-Userboot-Tenant": tenant });
/** Its countdown is waited for: it takes seconds, and no processor. */
const slow = { machine: { ...machine("a.img"), clock: "real" } };
let service: TestService;

beforeAll(async () => {
  for (const name of ["anna", "berta"]) mkdirSync(join(own, name), { recursive: true });
  writeFileSync(join(own, "anna", "a.img"), guestImage(GUESTS.amd64));
  writeFileSync(join(own, "anna", "only.img"), guestImage(GUESTS.i386));
  writeFileSync(join(own, "berta", "a.img"), guestImage(GUESTS.i386));
  const tokens = scratch.file(
    "tokens",
    `# who may ask\n\n${Object.entries(TOKENS)
      .map(([tenant, token]) => `${tenant}:${token}\n`)
      .join("")}`,
  );
  chmodSync(tokens, 0o640);
  const limits = ["tenantRunning=1", "tenantQueued=1"].flatMap((one) => ["--pool-limit", one]);
  const pool = ["--size", "3", "--spare", "1", "--max-queue", "3", "--isolation", "thread"];
  service = await TestService.start(scratch.path, ["--tenant-images", own, "--token-file", tokens, ...limits, ...pool]);
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  scratch[Symbol.dispose]();
});

it("a tenant's name is read behind however many headers a client has before it", async () => {
  const many = Array.from({ length: 2500 }, () => "a:\r\n").join("");
  const text = JSON.stringify({ machine: machine("only.img") });
  const type = `Content-Type: application/json\r\nContent-Length: ${text.length}\r\nConnection: close\r\n`;
  const token = `Authorization: ${bearer("*").Authorization}\r\n`;
  const socket = await service.connect();
  socket.write(`POST /v1/boot HTTP/1.1\r\nHost: x\r\n${type}${token}${many}X-Userboot-Tenant: anna\r\n\r\n${text}`);
  expect(await heard(socket)).toMatch(/^HTTP\/1\.1 200 /);
});

describe("a token", () => {
  it.each([
    ["none", {}],
    ["another", { Authorization: "Bearer anna-anna-anna-annb" }],
    ["a part of one", { Authorization: "Bearer anna-anna-anna" }],
    ["one in another scheme", { Authorization: `Basic ${TOKENS.anna}` }],
    ["an empty one", { Authorization: "Bearer " }],
    ["a tenant without one", { "X-Userboot-Tenant": "anna" }],
  ])("is needed: %s isn't enough", async (_what, headers) => {
    const { status, headers: answered, json } = await service.boot({ machine: machine("a.img") }, headers);
    expect(status).toBe(401);
    expect(answered["www-authenticate"]).toBe("Bearer");
    const wrong = /^Bearer +\S/.test((headers as { Authorization?: string }).Authorization ?? "");
    const message = wrong ? "there is no such token" : "a token is needed (Authorization: Bearer TOKEN)";
    expect(json.error).toEqual({ name: "RequestError", message });
  });

  it("is looked at before the body", async () => {
    expect(await service.boot("{", {})).toMatchObject({ status: 401 });
  });

  it("isn't needed for health and figures", async () => {
    expect(await service.ask("/v1/health")).toMatchObject({ status: 200 });
    const { status, body } = await service.ask("/metrics");
    expect(status).toBe(200);
    expect(body.toString()).not.toMatch(/anna|berta/);
  });

  it("is one tenant's, or of who boots for many", async () => {
    const archOf = async (headers: Record<string, string>) =>
      (await service.boot({ machine: machine("a.img") }, headers)).json.arch;
    expect(await archOf(bearer("anna"))).toBe("amd64");
    expect(await archOf(bearer("berta"))).toBe("i386");
    expect(await archOf(as("anna"))).toBe("amd64");
    expect(await archOf(as("berta"))).toBe("i386");
    expect(await archOf({ ...bearer("berta"), "X-Userboot-Tenant": "berta" })).toBe("i386");
  });

  it("gives nothing of another tenant's", async () => {
    const stolen = await service.boot(
      { machine: machine("a.img") },
      { ...bearer("berta"), "X-Userboot-Tenant": "anna" },
    );
    expect(stolen).toMatchObject({ status: 403, json: { error: { name: "RequestError" } } });
    for (const name of ["only.img", "anna/only.img"])
      expect(await service.boot({ machine: machine(name) }, bearer("berta"))).toMatchObject({ status: 404 });
    expect(await service.boot({ machine: machine("../anna/only.img") }, bearer("berta"))).toMatchObject({
      status: 400,
    });
    expect(await service.boot({ machine: machine("a.img") }, as("../anna"))).toMatchObject({ status: 400 });
    // Nobody's boots have no directory of a tenant's.
    expect(await service.boot({ machine: machine("a.img") }, bearer("*"))).toMatchObject({ status: 404 });
  });
});

describe("a tenant's share", () => {
  it("is one boot that runs and one that waits; a third one may come again", async () => {
    const first = service.boot(slow, bearer("anna"));
    await service.until("running", 1);
    const second = service.boot(slow, bearer("anna"));
    await service.until("queued", 1);
    const third = await service.boot(slow, bearer("anna"));
    expect(third.status).toBe(429);
    expect(third.headers["retry-after"]).toBe("1");
    expect(third.json.error).toMatchObject({ name: "PoolError", refused: "tenant" });
    // Somebody else isn't in its queue.
    const other = await service.boot({ machine: machine("a.img") }, bearer("berta"));
    expect(other.json.reason).toBe("exec");
    expect(await service.figure("queued")).toBe(1);
    expect((await first).json.reason).toBe("exec");
    expect((await second).json.reason).toBe("exec");
  });

  it("ends with everybody's queue", async () => {
    const many = [];
    for (const tenant of ["a", "b", "c"]) many.push(service.boot({ machine: machine("a.img") }, as(tenant)));
    // Their images aren't there: they take no place.
    for (const answer of await Promise.all(many)) expect(answer.status).toBe(404);
    const anna = [service.boot(slow, bearer("anna"))];
    await service.until("running", 1);
    anna.push(service.boot(slow, bearer("anna")));
    await service.until("queued", 1);
    const berta = [service.boot(slow, bearer("berta"))];
    await service.until("running", 2);
    berta.push(service.boot(slow, bearer("berta")));
    await service.until("queued", 2);
    for (const answer of await Promise.all([...anna, ...berta])) expect(answer.json.reason).toBe("exec");
  });
});

describe("one who asks for much", () => {
  it("keeps nobody waiting who asks for little", async () => {
    const args = ["--tenant-images", own, "--size", "1", "--spare", "1"];
    await using shared = await TestService.start(scratch.path, args, "shared.sock");
    let done = 0;
    const from = (tenant: string) => shared.boot({ machine: machine("a.img") }, { "X-Userboot-Tenant": tenant });
    // The first one lasts until all others are there.
    const first = shared.boot(slow, { "X-Userboot-Tenant": "anna" }).finally(() => done++);
    await shared.until("running", 1);
    const many = [first, ...Array.from({ length: 19 }, () => from("anna").finally(() => done++))];
    await shared.until("queued", 19);
    const before = done;
    expect((await from("berta")).json.arch).toBe("i386");
    // The one that ran, and one that was begun meanwhile: not all that had come before.
    expect(done - before).toBeLessThan(6);
    for (const answer of await Promise.all(many)) expect(answer.json.arch).toBe("amd64");
  });
});

it("processes that are used again are somebody's", async () => {
  const args = ["--tenant-images", own, "--size", "1", "--spare", "0", "--reuse", "tenant"];
  await using service = await TestService.start(scratch.path, args, "again.sock");
  const body = { machine: machine("a.img") };
  const refused = await service.boot(body);
  expect(refused).toMatchObject({ status: 400, json: { error: { message: "X-Userboot-Tenant is needed" } } });
  for (let turn = 0; turn < 2; turn++)
    expect((await service.boot(body, { "X-Userboot-Tenant": "anna" })).json.arch).toBe("amd64");
  await service.until("running", 0);
  expect(await service.figure('cells_total{what="reused"}')).toBe(1);
  expect((await service.boot(body, { "X-Userboot-Tenant": "berta" })).json.arch).toBe("i386");
  expect(await service.figure('cells_total{what="reused"}')).toBe(1);
});

describe("on loopback", () => {
  it("it serves with tokens", async () => {
    const tokens = scratch.file("more", "anna:0123456789abcdef\n");
    chmodSync(tokens, 0o600);
    const args = ["--listen", "127.0.0.1:0", "--token-file", tokens, "--tenant-images", own, "--isolation", "thread"];
    await using other = await TestService.start(scratch.path, [...args, "--size", "1"]);
    const { address } = await other.line("listening");
    const [host, port] = String(address).split(":") as [string, string];
    expect(host).toBe("127.0.0.1");
    const place = { host, port: Number(port) };
    const body = { machine: machine("a.img") };
    expect(await askAt(place, "/v1/boot", { method: "POST", body })).toMatchObject({ status: 401 });
    const headers = { Authorization: "bearer 0123456789abcdef" };
    expect(await askAt(place, "/v1/boot", { method: "POST", body, headers })).toMatchObject({ status: 200 });
  });
});
