// Entry point `userboot-wasm/wasm/lua_small`: where that module is, in the form of URL that Node and bundlers look for.

/** The module's place. */
export const url = new URL("../../userboot_lua_small.wasm", import.meta.url);
