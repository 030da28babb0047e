// The part of fengari 0.1.5 (a Lua 5.3 VM in JavaScript) that boot policies use. It ships no types.
declare module "fengari" {
  export type LuaState = { readonly __lua: unique symbol };
  export type LuaString = Uint8Array;
  type LuaFunction = (L: LuaState) => number;

  export function to_luastring(text: string): LuaString;
  export function to_jsstring(bytes: LuaString): string;

  export const lua: {
    readonly LUA_OK: number;
    readonly LUA_MULTRET: number;
    readonly LUA_MASKCOUNT: number;
    readonly LUA_TNIL: number;
    readonly LUA_TBOOLEAN: number;
    readonly LUA_TNUMBER: number;
    readonly LUA_TSTRING: number;
    readonly LUA_TTABLE: number;
    readonly LUA_TFUNCTION: number;
    lua_close(L: LuaState): void;
    lua_sethook(L: LuaState, hook: ((L: LuaState) => void) | null, mask: number, count: number): void;
    lua_pcall(L: LuaState, args: number, results: number, handler: number): number;
    lua_gettop(L: LuaState): number;
    lua_settop(L: LuaState, index: number): void;
    lua_pop(L: LuaState, count: number): void;
    lua_pushnil(L: LuaState): void;
    lua_pushboolean(L: LuaState, value: boolean): void;
    lua_pushinteger(L: LuaState, value: number): void;
    lua_pushnumber(L: LuaState, value: number): void;
    lua_pushstring(L: LuaState, value: LuaString): void;
    lua_pushcfunction(L: LuaState, fn: LuaFunction): void;
    lua_pushvalue(L: LuaState, index: number): void;
    lua_replace(L: LuaState, index: number): void;
    lua_tocfunction(L: LuaState, index: number): LuaFunction | null;
    lua_createtable(L: LuaState, array: number, hash: number): void;
    lua_setfield(L: LuaState, index: number, key: LuaString): void;
    lua_getfield(L: LuaState, index: number, key: LuaString): number;
    lua_setglobal(L: LuaState, name: LuaString): void;
    lua_getglobal(L: LuaState, name: LuaString): number;
    lua_pushglobaltable(L: LuaState): void;
    lua_seti(L: LuaState, index: number, n: number): void;
    lua_next(L: LuaState, index: number): number;
    lua_type(L: LuaState, index: number): number;
    lua_typename(L: LuaState, type: number): LuaString;
    lua_tostring(L: LuaState, index: number): LuaString | null;
    lua_toboolean(L: LuaState, index: number): boolean;
    lua_absindex(L: LuaState, index: number): number;
  };

  export const lauxlib: {
    luaL_newstate(): LuaState;
    luaL_loadbufferx(L: LuaState, source: LuaString, size: number, name: LuaString, mode: LuaString): number;
    luaL_requiref(L: LuaState, name: LuaString, open: LuaFunction, global: number): void;
    luaL_checkinteger(L: LuaState, index: number): number;
    luaL_checkstring(L: LuaState, index: number): LuaString;
    luaL_checktype(L: LuaState, index: number, type: number): void;
    luaL_error(L: LuaState, format: LuaString, ...values: LuaString[]): never;
    luaL_tolstring(L: LuaState, index: number): LuaString;
    luaL_where(L: LuaState, level: number): void;
  };

  export const lualib: {
    luaopen_base: LuaFunction;
    luaopen_string: LuaFunction;
    luaopen_table: LuaFunction;
    luaopen_math: LuaFunction;
  };
}
