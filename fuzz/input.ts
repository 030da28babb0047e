// What a target is run with: a good base (disks that the tests' builders make, and a text), and what is different about it.
// An input is one line of JSON, so that a corpus is a small text file and a finding says what it is made of.

/** Bytes that replace those of a disk of the base. */
export interface Edit {
  disk: number;
  at: number;
  bytes: Uint8Array;
}

/** One input. */
export interface Input {
  /** The name of its base. */
  base: string;
  edits: readonly Edit[];
  /** The size that the first disk is cut to. */
  cut?: number | undefined;
  /** In the place of the base's text. */
  text?: Uint8Array | undefined;
}

/** `input` as a line. */
export function lineOf({ base, cut, edits, text }: Input): string {
  return JSON.stringify({
    base,
    ...(cut === undefined ? {} : { cut }),
    ...(edits.length === 0
      ? {}
      : {
          edits: edits.map(({ at, bytes, disk }) => {
            const hex = Buffer.from(bytes).toString("hex");
            return disk === 0 ? [at, hex] : [at, hex, disk];
          }),
        }),
    ...(text === undefined ? {} : { text: Buffer.from(text).toString("latin1") }),
  });
}

/** The input of a line. */
export function inputOf(line: string): Input {
  const {
    base,
    cut,
    edits = [],
    text,
  } = JSON.parse(line) as {
    base: string;
    cut?: number;
    edits?: [number, string, number?][];
    text?: string;
  };
  return {
    base,
    cut,
    edits: edits.map(([at, hex, disk = 0]) => ({ at, disk, bytes: Buffer.from(hex, "hex") })),
    text: text === undefined ? undefined : Buffer.from(text, "latin1"),
  };
}

/** The inputs of a file: a line each, but for comments. */
export function inputsOf(file: string): Input[] {
  return file
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map(inputOf);
}

/** How much there is to an input: smaller ones are kept. */
export function weightOf({ cut, edits, text }: Input): number {
  const changed = edits.reduce((sum, { bytes }) => sum + bytes.length + 4, 0);
  return changed + (text?.length ?? 0) + (cut === undefined ? 0 : 4);
}
