// `userboot serve` as a program of its own, and clients of it: good ones, and such as speak the protocol badly.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type IncomingHttpHeaders, request } from "node:http";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CLI } from "./cli.js";
import { children } from "./resources.js";

/** An answer. */
export interface Answered {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** The body as JSON; undefined when it is none. */
  json: Said;
}

/** What may be in the JSON of an answer. */
export interface Said {
  error: { name: string; message: string };
  reason: string;
  registers: { rip: string };
  bootProblem: unknown[];
  isolation: { level: string };
  environment: Record<string, string>;
  [more: string]: unknown;
}

/** What is asked besides the path. */
export interface Ask {
  method?: string;
  headers?: Record<string, string>;
  body?: unknown;
  signal?: AbortSignal;
}

/** What the log says of an event. */
export type Line = { event: string } & Record<string, unknown>;

/** A service that runs. */
export class TestService {
  readonly lines: Line[] = [];
  /** What it printed that is no log. */
  readonly other: string[] = [];
  #waiting: ((line: Line) => void)[] = [];

  private constructor(
    readonly child: ChildProcess,
    readonly socketPath: string,
  ) {
    createInterface({ input: child.stderr! }).on("line", (text) => {
      if (!text.startsWith("{")) {
        this.other.push(text);
        return;
      }
      const line = JSON.parse(text) as Line;
      this.lines.push(line);
      for (const waiting of [...this.#waiting]) waiting(line);
    });
  }

  /** Starts one in `directory`; it listens, and its first spare is there. */
  static async start(directory: string, args: readonly string[], name = "s.sock"): Promise<TestService> {
    const socketPath = join(directory, name);
    const words = [CLI, "serve", "--listen", `unix:${socketPath}`, "--log", "json", ...args];
    const child = spawn(process.execPath, words, { stdio: ["ignore", "ignore", "pipe"] });
    const service = new TestService(child, socketPath);
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`userboot serve ended with ${code}: ${service.other.join("\n")}`);
    });
    await Promise.race([service.line("listening"), ended]);
    ended.catch(() => {});
    for (;;) {
      const { status } = await service.ask("/v1/health");
      if (status === 200) return service;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** The first line of this event, also a future one. */
  line(event: string, is: (line: Line) => boolean = () => true): Promise<Line> {
    const fits = (line: Line) => line.event === event && is(line);
    const known = this.lines.find(fits);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => {
      const waiting = (line: Line) => {
        if (!fits(line)) return;
        this.#waiting = this.#waiting.filter((one) => one !== waiting);
        resolve(line);
      };
      this.#waiting.push(waiting);
    });
  }

  /** Asks on a connection of its own. */
  ask(path: string, { method = "GET", headers = {}, body, signal }: Ask = {}): Promise<Answered> {
    return askAt({ socketPath: this.socketPath }, path, { method, headers, body, ...(signal && { signal }) });
  }

  /** Asks for a boot. */
  boot(body: unknown, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Answered> {
    return this.ask("/v1/boot", { method: "POST", body, headers, ...(signal && { signal }) });
  }

  /** A connection to say anything on. */
  async connect(): Promise<Socket> {
    const socket = connect({ path: this.socketPath, allowHalfOpen: true });
    await once(socket, "connect");
    return socket;
  }

  /** A figure of /metrics. */
  async figure(name: string): Promise<number> {
    const { body } = await this.ask("/metrics");
    const line = body
      .toString()
      .split("\n")
      .find((one) => one.startsWith(`userboot_${name} `));
    if (line === undefined) throw new Error(`there is no figure ${name}`);
    return Number(line.split(" ")[1]);
  }

  /** Waits until a figure is `wanted`. */
  async until(name: string, wanted: number): Promise<void> {
    while ((await this.figure(name)) !== wanted) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** Processes of its boots, and spares. */
  get cells(): number[] {
    return children(this.pid) ?? [];
  }

  /** Waits for its end; its exit status. */
  async exit(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "exit");
    return this.child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 20_000);
    if (this.child.exitCode === null) this.child.kill("SIGTERM");
    await this.exit();
    clearTimeout(timer);
  }
}

/** Asks whoever listens there. */
export function askAt(
  place: { socketPath: string } | { host: string; port: number },
  path: string,
  { method = "GET", headers = {}, body, signal }: Ask = {},
): Promise<Answered> {
  const raw = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
  const type = body === undefined ? {} : { "Content-Type": "application/json" };
  return new Promise((resolve, reject) => {
    const sent = request(
      { ...place, path, method, agent: false, headers: { ...type, ...headers }, ...(signal && { signal }) },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.once("error", reject);
        response.once("aborted", () => reject(new Error("cut off")));
        response.once("end", () => {
          const bytes = Buffer.concat(chunks);
          resolve({ status: response.statusCode!, headers: response.headers, body: bytes, json: jsonOf(bytes) });
        });
      },
    );
    sent.once("error", reject);
    sent.end(raw);
  });
}

function jsonOf(bytes: Buffer): Said {
  try {
    return JSON.parse(bytes.toString()) as Said;
  } catch {
    return undefined as unknown as Said;
  }
}

/** All that comes on `socket` until its end. */
export async function heard(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => {});
  if (!socket.readableEnded && !socket.destroyed)
    await new Promise((resolve) => socket.once("close", resolve).once("end", resolve));
  socket.destroy();
  return Buffer.concat(chunks).toString("latin1");
}

/** A set-up with these disks. */
export const machine = (...disks: unknown[]) => ({ version: 1, disks });
