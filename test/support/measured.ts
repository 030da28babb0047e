// Tests that hold the machine's time or memory to a figure.

/** Options of one: what a busy machine spoils it spoils once, what is wrong is wrong each time. */
export const MEASURED = { retry: 2 } as const;
