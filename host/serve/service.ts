// `userboot serve`: boots by HTTP, for control planes in any language. One POST is one boot in the pool; nothing is kept between
// requests, so that several services do the work of one. docs/serve.md has what clients see.

import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { machineOf } from "../handoff/machine.js";
import { machineFileParts } from "../handoff/machine_file.js";
import { printableJson } from "../json_text.js";
import type { Limits } from "../options.js";
import type { BootHooks } from "../policy/hooks.js";
import type { Pool } from "../pool/pool.js";
import type { BootResult } from "../result.js";
import { type Answer, Exchange, type Shared } from "./exchange.js";
import type { Images } from "./images.js";
import { Budget, type ServeLimits } from "./limits.js";
import { PROMETHEUS_TYPE, prometheusText } from "./metrics.js";
import { badRequest, Refusal, refusalFor } from "./refusal.js";
import { type BootRequest, parseRequest, requestOptions } from "./request.js";
import { isTenant, type Tokens } from "./tokens.js";

/** Where a service tells what happens. */
export interface ServiceLog {
  /** Something that is as it should be. */
  event(event: string, fields: Readonly<Record<string, unknown>>): void;
  /** Something that somebody has to look at. */
  problem(message: string): void;
}

/** What a service is made of. */
export interface ServiceParts {
  pool: Pool;
  images: Images;
  /** Without them whoever can connect may ask, for any tenant. */
  tokens: Tokens | undefined;
  /** Makes the hooks of the operator's policies, by name. */
  policies: ReadonlyMap<string, () => BootHooks>;
  /** The one of requests that name none. */
  policy: string | undefined;
  /** Budgets of boots, which requests can lower. */
  bootLimits: Limits;
  limits: ServeLimits;
  log: ServiceLog;
  /** Whether each boot has to be somebody's: what is used again for one tenant isn't for all who don't say. */
  tenants: boolean;
  /** Whether spares are wanted before it is ready. */
  spares: boolean;
}

const JSON_TYPE = "application/json; charset=utf-8";
const MACHINE_TYPE = "application/octet-stream";
const HEAD_MAX = 16 * 1024;
/** How often Node looks at times that are over. */
const LOOK_MS = 500;
/** How long answers may take that went out late, when the service ends. */
const LAST_MS = 1000;
/** Characters of what was asked for in the log. */
const SHOWN = 200;
/** Requests on one connection that aren't answered: nobody waits for so many who takes answers. */
const IN_A_ROW = 16;
const REQUEST_ID = /^[!-~]{1,128}$/;

/** What is told of a request in the log. */
type Told = Record<string, unknown>;

/** One way to ask. */
interface Route {
  method: "GET" | "POST";
  answer(exchange: Exchange, told: Told): Promise<Answer>;
}

/** Answers requests. */
export class Service {
  /** Not listening yet. */
  readonly server: Server;
  readonly #shared: Shared;
  readonly #exchanges = new Map<Socket, Set<Exchange>>();
  readonly #answers = new Map<number, number>();
  #requests = 0;
  #lost = 0;
  #warm: boolean;
  #closing: Promise<void> | undefined;
  #idle = () => {};

  constructor(private readonly parts: ServiceParts) {
    const { limits } = parts;
    this.#warm = !parts.spares;
    this.#shared = {
      limits,
      bodies: new Budget(limits.bodiesBytes, "too many bodies are waiting"),
      unsent: new Budget(limits.unsentBytes, "too many answers wait to be taken"),
    };
    this.server = createServer({
      headersTimeout: limits.headersMs,
      requestTimeout: Math.max(limits.headersMs, limits.bodyMs),
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: LOOK_MS,
      maxHeaderSize: HEAD_MAX,
      requireHostHeader: false,
    });
    // Their bytes are bounded. Node would leave out what is behind the 2000th: whom a proxy says that it asks for, say.
    this.server.maxHeadersCount = 0;
    this.server.maxConnections = limits.connections;
    this.server.on("connection", (socket: Socket) => this.#connected(socket));
    const handle = (request: IncomingMessage, response: ServerResponse) => void this.#handle(request, response);
    // What a client expects besides is no matter, but would be answered by Node in its own way.
    this.server.on("request", handle).on("checkExpectation", handle);
    this.server.on("clientError", (error, socket) => this.#broken(error, socket as Socket));
  }

  readonly #routes: Readonly<Record<string, Route>> = {
    "/v1/boot": { method: "POST", answer: (exchange, told) => this.#boot(exchange, told) },
    "/v1/health": { method: "GET", answer: async () => this.#health(this.#ready) },
    "/v1/health/live": { method: "GET", answer: async () => this.#health(true) },
    "/metrics": { method: "GET", answer: async () => this.#metrics() },
  };

  /** Boots are taken, and there was a spare once: what they run in can be had. */
  get #ready(): boolean {
    if (!this.#warm) {
      const { spares, done } = this.parts.pool.stats();
      this.#warm = spares + done.exec + done.exit + done.error > 0;
    }
    return this.#warm && this.#closing === undefined;
  }

  #connected(socket: Socket): void {
    const exchanges = new Set<Exchange>();
    this.#exchanges.set(socket, exchanges);
    socket.once("close", () => {
      this.#exchanges.delete(socket);
      for (const exchange of exchanges) exchange.leave();
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const began = performance.now();
    const mine = this.#exchanges.get(request.socket);
    if (mine === undefined || mine.size === IN_A_ROW) {
      request.socket.destroy();
      return;
    }
    const exchange = new Exchange(request, response, this.#shared);
    mine.add(exchange);
    this.#requests++;
    const told: Told = {};
    const id = request.headers["x-request-id"];
    if (typeof id === "string" && REQUEST_ID.test(id)) {
      response.setHeader("X-Request-Id", id);
      told.id = id;
    }
    const status = await this.#answer(exchange, told);
    mine.delete(exchange);
    this.#requests--;
    if (exchange.sent) this.#answers.set(status, (this.#answers.get(status) ?? 0) + 1);
    else this.#lost++;
    const ms = Math.round(performance.now() - began);
    const { method } = request;
    const url = request.url?.slice(0, SHOWN);
    // Those who look again and again whether all is well are told of when it isn't.
    if (method !== "GET" || status !== 200)
      this.parts.log.event("request", { method, url, status, sent: exchange.sent, ms, ...told });
    if (this.#requests === 0) this.#idle();
  }

  /** Answers a request; with which status. */
  async #answer(exchange: Exchange, told: Told): Promise<number> {
    let refusal: Refusal;
    try {
      const answer = await this.#routed(exchange, told).finally(() => exchange.forgetBody());
      await this.#send(exchange, answer);
      return answer.status;
    } catch (error) {
      refusal = refusalFor(error);
      told.error = refusal.error;
      if (refusal.status === 500) this.parts.log.problem(`defect: ${(error as Error)?.stack ?? error}`);
    }
    if (exchange.response.headersSent) {
      // Half of an answer can't be taken back, only be cut off.
      exchange.request.socket.destroy();
      return refusal.status;
    }
    await exchange.discardBody();
    const { status, headers, body } = refusal;
    // These are short, and need no room.
    await this.#send(exchange, { status, type: JSON_TYPE, headers, size: 0, parts: [Buffer.from(body)] });
    return status;
  }

  /** @throws Refusal when too much is waiting to be sent */
  #send(exchange: Exchange, answer: Answer): Promise<void> {
    // A body that isn't there by now has no time of its own any more, and what comes of it would be heard as another answer.
    if (this.#closing === undefined && exchange.request.complete) return exchange.send(answer);
    return exchange.send({ ...answer, headers: { ...answer.headers, Connection: "close" } });
  }

  async #routed(exchange: Exchange, told: Told): Promise<Answer> {
    const { method, url = "" } = exchange.request;
    const path = url.split("?", 1)[0]!;
    const route = Object.hasOwn(this.#routes, path) ? this.#routes[path]! : undefined;
    if (route === undefined) throw badRequest(404, "there is /v1/boot, /v1/health, /v1/health/live and /metrics");
    if (method !== route.method) throw badRequest(405, `this takes ${route.method}`, { Allow: route.method });
    return route.answer(exchange, told);
  }

  #health(good: boolean): Answer {
    const parts = [Buffer.from(printableJson({ live: true, ready: this.#ready }))];
    return { status: good ? 200 : 503, type: JSON_TYPE, size: 0, parts };
  }

  #metrics(): Answer {
    const text = prometheusText(this.parts.pool.stats(), {
      answers: this.#answers,
      lost: this.#lost,
      requests: this.#requests,
      connections: this.#exchanges.size,
      unsentBytes: this.#shared.unsent.used,
      openImages: this.parts.images.open,
      ready: this.#ready,
    });
    return { status: 200, type: PROMETHEUS_TYPE, size: 0, parts: [Buffer.from(text)] };
  }

  async #boot(exchange: Exchange, told: Told): Promise<Answer> {
    const tenant = this.#tenantOf(exchange.request);
    exchange.tenant = tenant;
    told.tenant = tenant;
    const request = parseRequest(await exchange.body());
    const { format = "result" } = request;
    told.format = format;
    const options = requestOptions(request, this.parts.bootLimits);
    const hooks = this.#hooks(request);
    this.#shared.unsent.check(1, tenant);
    const images = await this.parts.images.openAll(request.machine.disks ?? [], tenant);
    const onGone = () => images.close();
    let result: BootResult;
    try {
      const { disks } = images;
      const { signal } = exchange;
      result = await this.parts.pool.boot({ ...options, disks, tenant, signal, onGone, ...(hooks && { hooks }) });
    } catch (error) {
      // Of wrong options nobody else hears.
      if (refusalFor(error).status === 400) images.close();
      throw error;
    }
    told.reason = result.reason;
    if (result.error !== undefined) told.guest = result.error;
    try {
      if (format === "result") return resultAnswer(result);
      return result.reason === "exec" ? machineAnswer(result) : noMachine(result, told);
    } catch (error) {
      result.release();
      throw error;
    }
  }

  /** @throws Refusal for who may not ask */
  #tenantOf({ headers }: IncomingMessage): string {
    const named = headers["x-userboot-tenant"];
    if (named !== undefined && (typeof named !== "string" || !isTenant(named)))
      throw badRequest(400, "X-Userboot-Tenant is no tenant's name");
    const tenant = this.#bearerOf(headers.authorization) ?? named ?? "";
    if (named !== undefined && named !== tenant) throw badRequest(403, "this token is another tenant's");
    if (tenant === "" && this.parts.tenants) throw badRequest(400, "X-Userboot-Tenant is needed");
    return tenant;
  }

  /** The tenant that a token stands for; undefined when it can be named. */
  #bearerOf(authorization = ""): string | undefined {
    if (this.parts.tokens === undefined) return undefined;
    const token = /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
    const bearer = token === undefined ? undefined : this.parts.tokens.bearer(token);
    if (bearer !== undefined) return bearer.tenant;
    const why = token === undefined ? "a token is needed (Authorization: Bearer TOKEN)" : "there is no such token";
    throw badRequest(401, why, { "WWW-Authenticate": "Bearer" });
  }

  #hooks({ policy = this.parts.policy }: BootRequest): BootHooks | undefined {
    if (policy === undefined) return undefined;
    const make = this.parts.policies.get(policy);
    if (make === undefined) throw badRequest(400, `there is no policy "${policy}"`);
    return make();
  }

  /** What came is no request, or not all of it in time. */
  #broken(error: NodeJS.ErrnoException, socket: Socket): void {
    const { code = "" } = error;
    const status = code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : code === "HPE_HEADER_OVERFLOW" ? 431 : 400;
    const why = status === 408 ? "the request took too long" : status === 431 ? "the head is too long" : "no request";
    const refusal = badRequest(status, why, { Connection: "close" });
    const exchanges = [...(this.#exchanges.get(socket) ?? [])];
    // The one whose body it is says so itself; an answer in the place of another request's would be taken for that one's.
    if (exchanges.length === 1 && exchanges[0]!.fail(refusal)) return;
    if (exchanges.length > 0 || !socket.writable) {
      socket.destroy();
      return;
    }
    const { body } = refusal;
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      `Content-Type: ${JSON_TYPE}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      "Connection: close",
    ];
    this.#answers.set(status, (this.#answers.get(status) ?? 0) + 1);
    socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
  }

  /** Takes no more, finishes what there is, within its time, and ends the pool. Called again it ends all at once. */
  close(): Promise<void> {
    if (this.#closing === undefined) this.#closing = this.#close();
    else this.#hurry();
    return this.#closing;
  }

  #hurry = () => {};

  async #close(): Promise<void> {
    const { pool, limits, log } = this.parts;
    log.event("closing", { requests: this.#requests });
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    this.server.closeIdleConnections();
    const drained = pool.close();
    const answered = new Promise<void>((resolve) => {
      this.#idle = resolve;
      if (this.#requests === 0) resolve();
    });
    const hurry = new Promise<void>((resolve) => {
      this.#hurry = resolve;
    });
    await within(limits.drainMs, Promise.race([answered, hurry]));
    await pool.close({ signal: AbortSignal.abort("the service ends") });
    await within(LAST_MS, answered);
    this.server.closeAllConnections();
    await Promise.all([closed, drained]);
    log.event("closed", {});
  }
}

/** Waits for `promise`, but not longer. */
async function within(ms: number, promise: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([promise, over]);
  clearTimeout(timer);
}

const resultAnswer = (result: BootResult) => textAnswer(200, result, printableJson(result));

function textAnswer(status: number, result: BootResult, text: string): Answer {
  const bytes = Buffer.from(text);
  result.release();
  return { status, type: JSON_TYPE, size: bytes.length, parts: [bytes] };
}

/** A guest that entered no kernel is none that could be handed on: what came of it is told instead, which may be long. */
function noMachine(result: BootResult, told: Told): Answer {
  const message = `the loader ended with ${result.exitCode}, no kernel was entered`;
  const error = result.error ?? { name: "HandoffError", message };
  told.error = error;
  return textAnswer(422, result, new Refusal(422, error, {}, { result }).body);
}

function machineAnswer(result: BootResult): Answer {
  const machine = machineOf(result);
  const parts = machineFileParts(machine);
  // What it can't be made of shows before the first byte.
  const first = parts.next();
  const size = machine.memory.reduce((sum, { bytes }) => sum + bytes.length, 0);
  return {
    status: 200,
    type: MACHINE_TYPE,
    size,
    parts: first.done ? [] : joined(first.value, parts),
    release: () => result.release(),
  };
}

function* joined(first: Uint8Array, rest: Iterable<Uint8Array>): Generator<Uint8Array> {
  yield first;
  yield* rest;
}
