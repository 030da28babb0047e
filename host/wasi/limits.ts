// What may be granted as a `host:` tree, for options: the trees themselves are taken in by tree.ts.

/** What a directory may hold to be granted; maps, which the program makes itself, are not limited. */
export interface TreeLimits {
  /** Files and directories. */
  entries: number;
  /** Directories inside each other. */
  depth: number;
  /** Bytes of all files. */
  bytes: number;
}

/** The limits of a boot that is given none. */
export const TREE_LIMITS: Readonly<TreeLimits> = { entries: 65_536, depth: 32, bytes: 512 * 1024 * 1024 };

/** How trees are taken in. */
export interface TreeOptions {
  limits: Readonly<TreeLimits>;
  /** Refuse a directory for what would be left out of it. */
  strict: boolean;
  /** Told of each entry that is left out, in one line. */
  onNotice?: ((line: string) => void) | undefined;
}
