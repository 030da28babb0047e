// Entry point `userboot-wasm/wasm/simp_small`: where that module is, in the form of URL that Node and bundlers look for.

/** The module's place. */
export const url = new URL("../../userboot_simp_small.wasm", import.meta.url);
