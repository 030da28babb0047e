// Entry point `userboot-wasm/wasm/inspect`: where that module is, in the form of URL that Node and bundlers look for.

/** The module's place. */
export const url = new URL("../../userboot_inspect.wasm", import.meta.url);
