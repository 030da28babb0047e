// A thread or process of an inspection that somebody else has taken over: it answers what it is told to.

import { UserbootError } from "userboot-wasm";
import { type Inspection, inspectionBy } from "../../build/host/inspect/inspection.js";
import { CellInspector } from "../../build/host/inspect/inspector.js";
import { INSPECT_LIMITS, type InspectLimits } from "../../build/host/inspect/limits.js";
import type { InspectMessage, InspectRequest } from "../../build/host/inspect/protocol.js";
import type { Cell } from "../../build/host/isolation/cell.js";
import type { StartMessage } from "../../build/host/isolation/messages.js";

const MIB = 1024 * 1024;

/** The first answer of one that has found nothing. */
export const NOTHING = { type: "value", value: { current: "disk0:", disks: [], volumes: [], pools: [] } };

/** An answer to `open`: a file. */
export const OPENED: InspectMessage = { type: "value", value: { handle: 0, type: "file", mode: 0, uid: 0, gid: 0 } };
/** An answer to `release`. */
export const RELEASED: InspectMessage = { type: "value", value: null };

/** It begins with `first`, then says of every request what `says` gives. Its disk, of four MiB, has the number of the MiB in each. */
export class Liar implements Cell {
  readonly facts = { level: "process" } as const;
  readonly keys = { keys: "live", push: () => true, onRoom: () => {}, end: () => {} } as const;
  readonly disks = [
    { size: 4 * MIB, read: async (offset: number, target: Uint8Array) => void target.fill(offset / MIB) },
  ];
  #tell: (message: unknown) => void = () => {};

  constructor(
    private readonly says: (request: InspectRequest) => unknown,
    private readonly first: readonly unknown[] = [{ type: "began" }, NOTHING],
  ) {}

  onMessage(handler: (message: unknown) => void): void {
    this.#tell = handler;
  }

  onFailure(): void {}

  start(): void {
    setImmediate(() => this.first.forEach(this.#tell));
  }

  answer(): void {}

  serve(): void {}

  ask(request: InspectRequest): void {
    setImmediate(() => this.#tell(this.says(request)));
  }

  hold(): void {}

  async terminate(): Promise<void> {}
}

/** The caller's side of a `liar`. */
export function inspectorOf(liar: Cell, limits: Partial<InspectLimits> = {}): CellInspector {
  return new CellInspector(liar, {} as StartMessage, { ...INSPECT_LIMITS, ...limits }, undefined, () => {});
}

/** An inspection by a liar, or by one that says this. */
export function lookedAtBy(
  liar: Liar | ((request: InspectRequest) => unknown),
  limits: Partial<InspectLimits> = {},
): Promise<Inspection> {
  const inspector = inspectorOf(liar instanceof Liar ? liar : new Liar(liar), limits);
  return inspectionBy(inspector, { ...INSPECT_LIMITS, ...limits });
}

/** Passes over errors of this package; any other is thrown on. */
export function ours(error: unknown): void {
  if (!(error instanceof UserbootError)) throw error;
}
