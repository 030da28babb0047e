// Entry point `userboot-wasm/wasm/simp`: where that module is, in the form of URL that Node and bundlers look for.

/** The module's place. */
export const url = new URL("../../userboot_simp.wasm", import.meta.url);
