// Which cells a platform has: threads, processes. The entry points say it.

import type { Assets } from "../assets.js";
import type { Ways } from "../disks/serving.js";
import { OptionError } from "../errors.js";
import type { Confine, Isolation, SessionOptions } from "../options.js";
import type { Cell, CellKeeper } from "./cell.js";

/** What a cell is wanted for: what holds it, and whether it looks into images in place of booting. */
export interface CellOptions {
  confine?: Confine | undefined;
  inspects?: boolean;
  /** Whether the session does more than to boot by itself: it gets trees, is asked about by hooks, or measures. */
  full?: boolean;
  /** The caller's. */
  assets?: Assets | undefined;
  /** What it is to be ready for before there is a session. */
  ahead?: Ahead | undefined;
}

/** What sessions are like that a cell is made ahead of. Its images come with the session, and are read by the caller. */
export interface Ahead {
  options: SessionOptions;
  /** Whether several may follow each other in it. */
  stays: boolean;
}

/** Makes the thread or process that a session runs in. */
export type CellMaker = (options: CellOptions) => Cell | Promise<Cell>;

const cellMakers = new Map<Isolation, { maker: CellMaker; ways: () => Ways }>();

/** Set by the entry points, for what their platform has. `ways` tells how images get into such a cell. */
export function setCellMaker(level: Isolation, maker: CellMaker, ways: () => Ways): void {
  cellMakers.set(level, { maker, ways });
}

/** How images get into cells of a kind. */
export function waysTo(level: Isolation): Ways {
  return made(level).ways();
}

/** Gives each session a cell of its own. */
export function newCells(level: Isolation, options: Omit<CellOptions, "full">): CellKeeper {
  return {
    ways: waysTo(level),
    take: (full) => cellFor(level, { ...options, full }),
    giveBack: (cell) => cell.terminate(),
  };
}

/**
 * A cell for a session.
 * @throws OptionError when the platform has none of this kind
 */
export async function cellFor(level: Isolation, options: CellOptions): Promise<Cell> {
  return made(level).maker(options);
}

function made(level: Isolation): { maker: CellMaker; ways: () => Ways } {
  const known = cellMakers.get(level);
  if (known === undefined) throw new OptionError(`the isolation "${level}" is not to be had on this platform`);
  return known;
}
