// Boot policies in Lua: an operator's file whose global functions are the hooks (policy/hooks.ts), run by
// fengari. The file is the operator's and trusted, but it is kept small on purpose: base, string, table and
// math, no `load`, no files, no network, and a limit on instructions so that a loop ends with a message.
// What hooks are told are bytes of the guest's choice: on this side a string of Lua is always a text with one
// character a byte, never decoded, since a guest could else make a hook fail with a name that isn't UTF-8.
// Loaded only when a policy is given; fengari is not imported before that.

import { type LuaFunction, type LuaState, lauxlib, lua, lualib, to_luastring } from "fengari";
import { PolicyFileError } from "../errors.js";
import { bytesOf } from "../text.js";
import { type BootHooks, type ConsoleRule, type Denial, HOOK_NAMES, type HookName, type MenuRule } from "./hooks.js";

/** Lua instructions that one hook (or the file itself) may run. */
const INSTRUCTION_LIMIT = 50_000_000;
/** Instructions between two looks at the limit. */
const INSTRUCTION_STEP = 100_000;

/** Bytes of what `string.rep` makes at most: it is one instruction, whatever it makes. */
const REPEATED_MAX = 16 * 1024 * 1024;

/** Functions of the base library that reach outside a policy. */
const REMOVED = ["dofile", "loadfile", "load", "collectgarbage"];

/** What a policy in Lua is given besides its source. */
export interface LuaPolicyOptions {
  /** Receives what the policy `print`s or `log`s, a line a call: one character a byte, control characters included. */
  readonly log?: (line: string) => void;
  /** SHA-256 of bytes, as lower-case hexadecimal. */
  readonly sha256: (bytes: Uint8Array) => string;
  /** Files that the policy may read with `read(name)`: what the operator granted, by name. */
  readonly files?: ReadonlyMap<string, Uint8Array>;
  /** Instructions of Lua that one hook, or the file itself, may run. */
  readonly instructionLimit?: number;
}

/** The text that stands for a string of Lua. */
function textOf(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/**
 * Runs the policy `source` once and returns its hooks.
 * @param source - the file
 * @param name - its file name, for messages
 * @throws PolicyFileError for a syntax error, an error at load time, or a hook that does not exist
 */
export function loadLuaPolicy(source: Uint8Array, name: string, options: LuaPolicyOptions): BootHooks {
  const policy = new LuaPolicy(name, options);
  policy.run(source);
  return policy.hooks();
}

class LuaPolicy {
  readonly #L: LuaState = lauxlib.luaL_newstate();
  readonly #name: string;
  readonly #options: LuaPolicyOptions;
  readonly #automation: (ConsoleRule | MenuRule)[] = [];
  /** The granted files by their names as Lua has them. */
  readonly #files: ReadonlyMap<string, Uint8Array>;

  constructor(name: string, options: LuaPolicyOptions) {
    this.#name = textOf(to_luastring(name));
    this.#options = options;
    this.#files = new Map(Array.from(options.files ?? [], ([file, bytes]) => [textOf(to_luastring(file)), bytes]));
    this.#open();
  }

  #open(): void {
    const L = this.#L;
    for (const [library, open] of [
      ["_G", lualib.luaopen_base],
      ["string", lualib.luaopen_string],
      ["table", lualib.luaopen_table],
      ["math", lualib.luaopen_math],
    ] as const) {
      lauxlib.luaL_requiref(L, to_luastring(library), open, 1);
      lua.lua_pop(L, 1);
    }
    for (const removed of REMOVED) {
      lua.lua_pushnil(L);
      lua.lua_setglobal(L, to_luastring(removed));
    }
    padBytes(L);
    boundRepeats(L);
    const log = (state: LuaState): number => {
      const words: string[] = [];
      for (let i = 1; i <= lua.lua_gettop(state); i++) {
        words.push(textOf(lauxlib.luaL_tolstring(state, i)));
        lua.lua_pop(state, 1);
      }
      this.#options.log?.(words.join("\t"));
      return 0;
    };
    this.#define("print", log);
    this.#define("log", log);
    this.#define("sha256", (state) => {
      lua.lua_pushstring(state, to_luastring(this.#options.sha256(lauxlib.luaL_checkstring(state, 1))));
      return 1;
    });
    this.#define("deny", (state) => {
      lauxlib.luaL_checkstring(state, 1);
      lua.lua_createtable(state, 0, 2);
      lua.lua_pushvalue(state, 1);
      lua.lua_setfield(state, -2, to_luastring("deny"));
      lua.lua_pushstring(state, bytesOf(`${this.#name}:${currentLine(state)}`));
      lua.lua_setfield(state, -2, to_luastring("rule"));
      return 1;
    });
    this.#define("expect", (state) => {
      const rule = {
        expect: textOf(lauxlib.luaL_checkstring(state, 1)),
        send: textOf(lauxlib.luaL_checkstring(state, 2)),
      };
      this.#automation.push(rule);
      return 0;
    });
    this.#define("menu", (state) => {
      this.#automation.push({ menu: textOf(lauxlib.luaL_checkstring(state, 1)) });
      return 0;
    });
    this.#define("read", (state) => {
      const wanted = lauxlib.luaL_checkstring(state, 1);
      const bytes = this.#files.get(textOf(wanted));
      if (bytes === undefined) return lauxlib.luaL_error(state, to_luastring("file '%s' is not granted"), wanted);
      lua.lua_pushstring(state, bytes);
      return 1;
    });
  }

  #define(name: string, fn: (L: LuaState) => number): void {
    lua.lua_pushcfunction(this.#L, fn);
    lua.lua_setglobal(this.#L, to_luastring(name));
  }

  run(source: Uint8Array): void {
    const L = this.#L;
    const chunk = bytesOf(`@${this.#name}`);
    if (lauxlib.luaL_loadbufferx(L, source, source.length, chunk, to_luastring("t")) !== lua.LUA_OK) this.#fail();
    this.#call(0);
    lua.lua_settop(L, 0);
  }

  /** The hooks that the file defined. */
  hooks(): BootHooks {
    const L = this.#L;
    const defined = new Set<string>();
    lua.lua_pushglobaltable(L);
    lua.lua_pushnil(L);
    while (lua.lua_next(L, -2) !== 0) {
      if (lua.lua_type(L, -2) === lua.LUA_TSTRING) {
        const name = textOf(lua.lua_tostring(L, -2)!);
        if (/^on[A-Z]/.test(name)) defined.add(this.#checkedHook(name, lua.lua_type(L, -1)));
      }
      lua.lua_pop(L, 1);
    }
    lua.lua_settop(L, 0);
    const has = (hook: HookName): boolean => defined.has(hook);
    return {
      ...(has("onEnvironment") && { onEnvironment: (environment) => this.#onEnvironment(environment) }),
      ...(has("onSetenv") && {
        onSetenv: (variable, value) =>
          this.#verdict("onSetenv", [variable, value], "value", (answer) => ({ value: textOf(answer) })),
      }),
      ...(has("onFile") && {
        onFile: (file) => this.#verdict("onFile", [file], "replace", (answer) => ({ replace: answer.slice() })),
      }),
      ...(has("onKernel") && {
        onKernel: (kernel) => this.#verdict("onKernel", [kernel], "args", (answer) => ({ args: textOf(answer) })),
      }),
      ...(has("onExec") && {
        onExec: (machine) => this.#verdict<never>("onExec", [machine], "", () => undefined as never),
      }),
      ...(this.#automation.length > 0 && { automation: this.#automation }),
    };
  }

  /** The name of a global variable that is called as hooks are, and is of `type`. */
  #checkedHook(name: string, type: number): string {
    if (!(HOOK_NAMES as readonly string[]).includes(name)) {
      throw new PolicyFileError(`${this.#name}: unknown hook '${name}'; known: ${HOOK_NAMES.join(", ")}`);
    }
    if (type !== lua.LUA_TFUNCTION) throw new PolicyFileError(`${this.#name}: hook '${name}' is not a function`);
    return name;
  }

  #onEnvironment(environment: Readonly<Record<string, string>>): Record<string, string | null> | undefined {
    const L = this.#L;
    this.#invoke("onEnvironment", [environment]);
    if (lua.lua_type(L, -1) === lua.LUA_TNIL) {
      lua.lua_settop(L, 0);
      return undefined;
    }
    if (lua.lua_type(L, -1) !== lua.LUA_TTABLE) this.#wrongAnswer("onEnvironment", "nil or a table of changes");
    const changes: Record<string, string | null> = {};
    lua.lua_pushnil(L);
    while (lua.lua_next(L, -2) !== 0) {
      if (lua.lua_type(L, -2) !== lua.LUA_TSTRING) this.#wrongAnswer("onEnvironment", "a table with names as keys");
      const key = textOf(lua.lua_tostring(L, -2)!);
      const type = lua.lua_type(L, -1);
      if (type === lua.LUA_TBOOLEAN && !lua.lua_toboolean(L, -1)) changes[key] = null;
      else if (type === lua.LUA_TSTRING || type === lua.LUA_TNUMBER) changes[key] = textOf(lua.lua_tostring(L, -1)!);
      else this.#wrongAnswer("onEnvironment", `a string, or false to leave it out, for '${key}'`);
      lua.lua_pop(L, 1);
    }
    lua.lua_settop(L, 0);
    return changes;
  }

  /** Calls a hook whose answer is nil, deny(...), or a table with `field`. */
  #verdict<T>(
    hook: HookName,
    args: unknown[],
    field: string,
    accept: (answer: Uint8Array) => T,
  ): Denial | T | undefined {
    const L = this.#L;
    this.#invoke(hook, args);
    const type = lua.lua_type(L, -1);
    let verdict: Denial | T | undefined;
    if (type === lua.LUA_TTABLE) {
      const deny = this.#field("deny");
      const rule = this.#field("rule");
      const answer = field === "" ? undefined : this.#field(field);
      if (deny !== undefined) verdict = { deny: textOf(deny), ...(rule && { rule: textOf(rule) }) };
      else if (answer !== undefined) verdict = accept(answer);
      else this.#wrongAnswer(hook, answers(field));
    } else if (type !== lua.LUA_TNIL) {
      this.#wrongAnswer(hook, answers(field));
    }
    lua.lua_settop(L, 0);
    return verdict;
  }

  /** A string field of the table on top of the stack. */
  #field(name: string): Uint8Array | undefined {
    const L = this.#L;
    const type = lua.lua_getfield(L, -1, to_luastring(name));
    const value = type === lua.LUA_TSTRING ? lua.lua_tostring(L, -1)! : undefined;
    lua.lua_pop(L, 1);
    return value;
  }

  /** Calls a hook; its one answer is left on the stack. */
  #invoke(hook: HookName, args: unknown[]): void {
    lua.lua_settop(this.#L, 0);
    lua.lua_getglobal(this.#L, to_luastring(hook));
    for (const arg of args) this.#push(arg);
    this.#call(args.length);
  }

  #push(value: unknown): void {
    const L = this.#L;
    if (typeof value === "string") lua.lua_pushstring(L, bytesOf(value));
    // fengari's integers have 32 bits; sizes may have more.
    else if (typeof value === "number")
      (value | 0) === value ? lua.lua_pushinteger(L, value) : lua.lua_pushnumber(L, value);
    else if (typeof value === "boolean") lua.lua_pushboolean(L, value);
    else if (Array.isArray(value)) {
      lua.lua_createtable(L, value.length, 0);
      value.forEach((element, index) => {
        this.#push(element);
        lua.lua_seti(L, -2, index + 1);
      });
    } else if (typeof value === "object" && value !== null) {
      lua.lua_createtable(L, 0, 0);
      for (const [key, element] of Object.entries(value)) {
        this.#push(element);
        lua.lua_setfield(L, -2, bytesOf(key));
      }
    } else lua.lua_pushnil(L);
  }

  #call(args: number): void {
    const L = this.#L;
    let left = this.#options.instructionLimit ?? INSTRUCTION_LIMIT;
    lua.lua_sethook(
      L,
      (state) => {
        left -= INSTRUCTION_STEP;
        if (left >= 0) return;
        // In a count hook, level 0 is the function that runs.
        lauxlib.luaL_where(state, 0);
        lauxlib.luaL_error(state, to_luastring("%sinstruction limit reached"), lua.lua_tostring(state, -1)!);
      },
      lua.LUA_MASKCOUNT,
      INSTRUCTION_STEP,
    );
    const status = lua.lua_pcall(L, args, 1, 0);
    lua.lua_sethook(L, null, 0, 0);
    if (status !== lua.LUA_OK) this.#fail();
  }

  /** Turns the Lua error on the stack into ours. */
  #fail(): never {
    const L = this.#L;
    const type = lua.lua_type(L, -1);
    const thrown = lua.lua_tostring(L, -1);
    const message = thrown ? textOf(thrown) : `${this.#name}: error with a ${typeName(L, type)} as its message`;
    lua.lua_settop(L, 0);
    throw new PolicyFileError(message);
  }

  #wrongAnswer(hook: HookName, wanted: string): never {
    const L = this.#L;
    const got = typeName(L, lua.lua_type(L, -1));
    lua.lua_settop(L, 0);
    throw new PolicyFileError(`${this.#name}: ${hook} answered a ${got}; it must answer ${wanted}`);
  }
}

function answers(field: string): string {
  return field === "" ? "nil or deny(reason)" : `nil, deny(reason) or { ${field} = ... }`;
}

function typeName(L: LuaState, type: number): string {
  return textOf(lua.lua_typename(L, type));
}

/** Puts what `make` makes of it in the place of a function of `string`. */
function wrapStringFunction(L: LuaState, name: "format" | "rep", make: (original: LuaFunction) => LuaFunction): void {
  lua.lua_getglobal(L, to_luastring("string"));
  lua.lua_getfield(L, -1, to_luastring(name));
  const original = lua.lua_tocfunction(L, -1)!;
  lua.lua_pop(L, 1);
  lua.lua_pushcfunction(L, make(original));
  lua.lua_setfield(L, -2, to_luastring(name));
  lua.lua_pop(L, 1);
}

/** Bounds what `string.rep` makes; how often may be a guest's number. */
function boundRepeats(L: LuaState): void {
  wrapStringFunction(L, "rep", (repeat) => (state) => {
    const separator = lua.lua_type(state, 3) === lua.LUA_TSTRING ? lua.lua_tostring(state, 3)!.length : 0;
    const each = lauxlib.luaL_checkstring(state, 1).length + separator;
    if (each * lauxlib.luaL_checkinteger(state, 2) > REPEATED_MAX)
      return lauxlib.luaL_error(state, to_luastring(`a string of more than ${REPEATED_MAX} bytes`));
    return repeat(state);
  });
}

/** `%s` with flags, width or precision in a format of Lua, and the other conversions, which are only counted. */
const CONVERSION = /%(?:%|([-+ #0]{0,5})(\d{0,2})(\.\d{0,2})?(?!\d)(s)|[^%])/g;

/**
 * Makes `string.format` pad and cut bytes as Lua's does. fengari's decodes the text as UTF-8 for that, and fails where
 * it isn't.
 */
function padBytes(L: LuaState): void {
  wrapStringFunction(L, "format", (format) => (state) => {
    let argument = 1;
    const rewritten = textOf(lauxlib.luaL_checkstring(state, 1)).replace(
      CONVERSION,
      (conversion, flags: string, width: string, precision: string | undefined, string: string | undefined) => {
        if (conversion === "%%") return conversion;
        argument++;
        if (string === undefined || argument > lua.lua_gettop(state)) return conversion;
        const text = textOf(lauxlib.luaL_tolstring(state, argument));
        const cut = precision === undefined ? text : text.slice(0, Number(precision.slice(1)));
        const padded = flags.includes("-") ? cut.padEnd(Number(width)) : cut.padStart(Number(width));
        lua.lua_pushstring(state, bytesOf(padded));
        lua.lua_replace(state, argument);
        lua.lua_pop(state, 1);
        return "%s";
      },
    );
    lua.lua_pushstring(state, bytesOf(rewritten));
    lua.lua_replace(state, 1);
    return format(state);
  });
}

/** Line of the policy that calls the current helper. */
function currentLine(L: LuaState): string {
  lauxlib.luaL_where(L, 1);
  const where = textOf(lua.lua_tostring(L, -1)!);
  lua.lua_pop(L, 1);
  return /:(\d+):/.exec(where)?.[1] ?? "?";
}
