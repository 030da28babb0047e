// The ways in which sessions end, for tests of what is left of them.

import { type BootOptions, KeysConsole } from "userboot-wasm";

/** A console that types these. */
export const keys = (...typed: string[]) => ({ console: new KeysConsole(typed) });
export const LUA = { start: "lua", interfaceVersion: 4 } as const;

/** A session of the project's amd64 guest, started with simp, of each way to end, with what it ends with. */
export const ENDS: Record<string, [options: () => BootOptions, end: string]> = {
  exec: [() => keys("\r"), "exec"],
  exit: [() => keys(" quit\r"), "exit"],
  reboot: [() => keys(" reboot\r"), "exit"],
  error: [() => keys(" "), "InputEndedError"],
  fuel: [() => ({ limits: { fuel: 1000 } }), "LimitError"],
  time: [() => ({ limits: { wallMs: 0 } }), "LimitError"],
  output: [() => ({ limits: { consoleBytes: 10 } }), "LimitError"],
  forced: [() => ({ loader: "4th" }), "InterpreterError"],
  "exec after a swap": [() => ({ start: "lua", ...keys("\r") }), "exec"],
  "exec in Lua": [() => ({ ...LUA, ...keys("\r") }), "exec"],
  "exit in Lua": [() => ({ ...LUA, ...keys(" quit\r") }), "exit"],
  "an endless script": [
    () => ({ ...LUA, limits: { fuel: 300_000 }, ...keys(" ", "while true do end\r") }),
    "LimitError",
  ],
  "a greedy script": [
    () => ({
      ...LUA,
      limits: { moduleMemory: 2 << 20 },
      ...keys(" ", "t = {} while true do pcall(string.rep, {}) t = {t} end\r"),
    }),
    "LimitError",
  ],
};
