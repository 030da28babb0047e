// Entry point `userboot-wasm/wasm/4th_small`: where that module is, in the form of URL that Node and bundlers look for.

/** The module's place. */
export const url = new URL("../../userboot_4th_small.wasm", import.meta.url);
