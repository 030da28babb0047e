// Entry point `userboot-wasm/policy`: boot policies in Lua. Importing it loads fengari.

export type { LuaPolicyOptions } from "./lua.js";
export { loadLuaPolicy } from "./lua.js";
