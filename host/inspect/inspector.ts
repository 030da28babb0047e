// The caller's side of an inspection, wherever it is: asks one thing after the other, and ends it, at the latest when a
// request takes too long or the caller aborts. What comes out of a cell is checked here before anybody sees it.

import { DiskServer, type ReadReply, type ReadRequest } from "../disks/served.js";
import { abortedBy, DiskError, LimitError, OptionError, reviveError, UserbootError } from "../errors.js";
import { onAbort } from "../isolation/abort.js";
import type { Cell } from "../isolation/cell.js";
import { failureOf } from "../isolation/failure.js";
import type { StartMessage } from "../isolation/messages.js";
import { readRequest } from "../isolation/shape.js";
import { NOWHERE, type Run } from "../memory/places.js";
import type { IsolationFacts } from "../result.js";
import { checkedAnswer } from "./check.js";
import type { InspectLimits } from "./limits.js";
import type { InspectMessage, InspectRequest } from "./protocol.js";

/** Whoever answers. */
export interface Inspector {
  readonly facts: IsolationFacts;
  /** The first answer: what there is. */
  describe(): Promise<unknown>;
  /** @throws UserbootError whatever is wrong */
  ask(request: InspectRequest): Promise<InspectMessage>;
  /**
   * Fills `target` from a disk, at a place of which an answer told: at once, or a promise says when. There is none where all
   * content comes with the answers.
   * @throws UserbootError
   */
  readonly readPlace?: ((unit: number, offset: number, target: Uint8Array) => Promise<void> | undefined) | undefined;
  close(): Promise<void>;
}

/** An answer that is one; an error is thrown. */
export function thrown(message: InspectMessage): InspectMessage {
  if (message.type === "failed") throw reviveError(message.error);
  return message;
}

/** A request should notice by itself that its time is up. When it doesn't, the inspection is ended after so much more. */
const GRACE_SHARE = 0.1;
const GRACE_MAX_MS = 1000;
/** Within this a cell has begun. */
const START_MAX_MS = 60_000;
/** Longest time that timers can wait. */
const TIMER_MAX_MS = 0x7fff_ffff;

/** Bytes that a read here counts for at least: many small ones would take their time, which is no request's. */
const READ_LEAST = 4096;

/** What bounds the time of a request. */
type TimeLimit = "requestMs" | "wallMs";

/** What somebody waits for. */
interface Waiting {
  op: InspectRequest["op"] | "start";
  resolve(message: InspectMessage): void;
  reject(error: unknown): void;
}

/** An inspection in a thread, or a process of its own. */
export class CellInspector implements Inspector {
  #waiting: Waiting | undefined;
  /** Requests are asked one after another; the last one's end. */
  #last: Promise<unknown> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #began = false;
  /** How long all requests took, which whoever answers them may say as it likes. */
  #usedMs = 0;
  /** Why there are no more answers. */
  #over: unknown;
  #ended: Promise<void> | undefined;
  readonly #stopListening: () => void;
  /** Bytes that were read here. */
  #readBytes = 0;
  readonly readPlace: Inspector["readPlace"];

  constructor(
    private readonly cell: Cell,
    private readonly start: StartMessage,
    private readonly limits: InspectLimits,
    signal: AbortSignal | undefined,
    private readonly release: () => void,
    private readonly server = new DiskServer(),
  ) {
    const abort = () => this.#end(abortedBy(signal?.reason, "inspection"));
    this.#stopListening = signal ? onAbort(signal, abort) : () => {};
    // Disks that are read for the cell are read one request after another.
    const isServed = start.disks?.some(({ served }) => served !== undefined);
    if (cell.disks !== undefined && !isServed) this.readPlace = (...place) => this.#readPlace(...place);
    cell.onFailure((reason) => this.#failed(reason));
    cell.onMessage((message) => this.#message(message));
  }

  get facts(): IsolationFacts {
    return this.cell.facts;
  }

  async describe(): Promise<unknown> {
    const answer = await this.#wait("start", "requestMs", START_MAX_MS, () => this.cell.start(this.start));
    return answer.type === "value" ? answer.value : undefined;
  }

  ask(request: InspectRequest): Promise<InspectMessage> {
    const asked = this.#last.then(() => {
      // A digest is many requests in one.
      const { wallMs } = this.limits;
      const left = wallMs - this.#usedMs;
      if (left <= 0) this.#end(new LimitError("wallMs", wallMs, Math.ceil(this.#usedMs)));
      const own = this.limits[request.op === "hash" ? "wallMs" : "requestMs"];
      const limit = own < left ? "requestMs" : "wallMs";
      const asked = performance.now();
      const answer = this.#wait(request.op, limit, Math.min(own, left), () => this.cell.ask(request));
      return answer.finally(() => {
        this.#usedMs += performance.now() - asked;
      });
    });
    this.#last = asked.catch(() => {});
    return asked;
  }

  async close(): Promise<void> {
    this.#end(new OptionError("the inspection is closed"));
    await this.#ended;
  }

  #wait(op: Waiting["op"], limit: TimeLimit, allowedMs: number, begin: () => void): Promise<InspectMessage> {
    return new Promise<InspectMessage>((resolve, reject) => {
      if (this.#over !== undefined) throw this.#over;
      this.#waiting = { op, resolve, reject };
      this.cell.hold(true);
      this.#setDeadline(limit, allowedMs);
      begin();
    }).finally(() => {
      clearTimeout(this.#timer);
      this.#waiting = undefined;
      if (this.#over === undefined) this.cell.hold(false);
    });
  }

  #setDeadline(limit: TimeLimit, allowedMs: number): void {
    clearTimeout(this.#timer);
    const after = allowedMs + Math.min(allowedMs * GRACE_SHARE, GRACE_MAX_MS);
    const late = () => {
      const used = limit === "wallMs" ? this.#usedMs + after : after;
      if (this.#began) this.#end(new LimitError(limit, this.limits[limit], Math.ceil(used)));
      else this.#failed(`it has not begun after ${START_MAX_MS / 1000} s`);
    };
    this.#timer = setTimeout(late, Math.min(after, TIMER_MAX_MS));
  }

  #message(message: unknown): void {
    if (this.#over !== undefined) return;
    if (!this.#began && (message as { type?: unknown } | null)?.type === "began") {
      this.#began = true;
      this.#setDeadline("requestMs", this.limits.requestMs);
      return;
    }
    if ((message as { type?: unknown } | null)?.type === "read") {
      if (readRequest(message)) this.#serve(message as ReadRequest);
      else this.#failed("it sent a wrong request for bytes");
      return;
    }
    const waiting = this.#waiting;
    try {
      if (waiting === undefined) throw new TypeError("it sent an answer that nobody waits for");
      this.#waiting = undefined;
      const answer = thrown(checkedAnswer(message, waiting.op));
      if (answer.type === "content" && !answer.runs.every((run) => this.#isPlace(run)))
        throw new TypeError("it told of a place that is on no disk");
      waiting.resolve(answer);
    } catch (error) {
      if (error instanceof TypeError) {
        this.#waiting = waiting;
        this.#failed(error.message);
      } else waiting?.reject(error);
    }
  }

  /** Reads a disk for the cell. */
  #serve(request: ReadRequest): void {
    const serve = (reply: ReadReply) => {
      if (this.#over === undefined) this.cell.serve(reply);
    };
    this.server
      .read(request)
      .then(serve)
      .catch((error) => this.#failed((error as Error).message));
    const { diskBytes } = this.limits;
    if (this.server.bytes > diskBytes) this.#end(new LimitError("diskBytes", diskBytes, this.server.bytes));
  }

  #isPlace([size, unit, offset]: Run): boolean {
    return unit === NOWHERE || offset + size <= (this.cell.disks?.[unit]?.size ?? -1);
  }

  #readPlace(unit: number, offset: number, target: Uint8Array): Promise<void> | undefined {
    const { diskBytes } = this.limits;
    this.#readBytes += Math.max(target.length, READ_LEAST);
    if (this.#readBytes > diskBytes) this.#end(new LimitError("diskBytes", diskBytes, this.#readBytes));
    if (this.#over !== undefined) throw this.#over;
    const failed = (error: unknown): never => {
      if (this.#over !== undefined || error instanceof UserbootError) throw this.#over ?? error;
      const why = (error as Error).message;
      throw new DiskError(`disk${unit}`, `offset ${offset}: read of ${target.length} bytes failed: ${why}`);
    };
    try {
      return this.cell.disks![unit]!.read(offset, target)?.catch(failed);
    } catch (error) {
      return failed(error);
    }
  }

  #failed(reason: string | UserbootError): void {
    this.#end(failureOf("inspection", this.cell.facts, reason));
  }

  /** There are no more answers; nothing of the cell is left. */
  #end(error: unknown): void {
    if (this.#over !== undefined) return;
    this.#over = error;
    this.#stopListening();
    clearTimeout(this.#timer);
    this.cell.hold(true);
    this.#ended = this.cell.terminate().finally(this.release);
    this.#waiting?.reject(error);
  }
}
