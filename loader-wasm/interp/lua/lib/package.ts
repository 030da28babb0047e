// The library `package` and `require` (Lua 5.3 Reference Manual, 6.3). Modules are Lua files that
// `package.path` finds; compiled libraries are looked for, as messages tell, and never loaded.

import { close, open, stat } from "../../../files/files";
import { O_RDONLY } from "../../../fs/file_system";
import { present } from "../../../lib/fault";
import { replaceMarks } from "../../../lib/text";
import { PURPOSE_NONE } from "../../../protocol";
import { openBuffer } from "../run/buffers";
import { callFunction, ensureStack } from "../run/call";
import { raiseMemory, raiseText } from "../run/errors";
import { indexValue, setRaw } from "../run/metamethods";
import { globals, loadedTable, RAISED, raised, registry, setTop, stack, top } from "../run/state";
import { is54 } from "../values/dialect";
import { Table } from "../values/objects";
import { owe } from "../values/owed";
import { stringOf, textOf } from "../values/string";
import { getInteger, newTable, slotForInteger } from "../values/table";
import {
  copyValue,
  isFunctionTag,
  NIL,
  objectOf,
  STRING,
  setBoolean,
  setObject,
  TABLE,
  tagOf,
  VALUE_SIZE,
} from "../values/value";
import {
  checkString,
  drop,
  fieldOf,
  isAbsent,
  pushBuffer,
  pushBuiltin,
  pushNil,
  pushObject,
  pushString,
  pushText,
  pushValue,
  setArgCount,
  setFunction,
  setTableField,
  setTextField,
} from "./builtin";
import { checkName, checkText, PATH_GARBAGE } from "./library";
import { loadFile } from "./load";

const DEFAULT_PATH = "/boot/lua/?.lua";
const DEFAULT_CPATH = "/boot/lua/5.3/lib/?.so;/boot/lua/5.3/lib/loadall.so;./?.so";
const DEFAULT_CPATH_54 = "/boot/lua/5.4/lib/?.so;/boot/lua/5.4/lib/loadall.so;./?.so";
/** Directory separator, template separator, mark, and marks that only compiled libraries use. */
const CONFIG = "/\n;\n?\n!\n-\n";
const NO_LIBRARIES = "dynamic libraries not enabled; check your Lua installation";
/** Searchers that are asked. */
const SEARCHERS_LIMIT: i64 = 64;
/** Templates of a path. */
const TEMPLATES_LIMIT: i32 = 256;
/** Bytes of a file's name as a template makes it, and of the list of those that were tried. */
const FILE_LIMIT: i64 = 65536;
const SEARCHED_LIMIT: i32 = 1 << 20;

let packageTable: Table = changetype<Table>(0);

/** Makes the library. */
export function openPackage(): Table {
  const table = newTable();
  packageTable = table;
  setTableField(registry, "package", table);
  setFunction(table, "loadlib", loadLibrary);
  setFunction(table, "searchpath", searchPathFunction);
  setTextField(table, "path", DEFAULT_PATH);
  setTextField(table, "cpath", is54 ? DEFAULT_CPATH_54 : DEFAULT_CPATH);
  setTextField(table, "config", CONFIG);
  setTableField(table, "loaded", loadedTable);
  setTableField(table, "preload", newTable());
  setTableField(registry, "preload", Table.of(fieldOf(table, "preload")));
  const searchers = newTable(4);
  setSearcher(searchers, 1, searchPreload);
  setSearcher(searchers, 2, searchLua);
  setSearcher(searchers, 3, searchCompiled);
  setSearcher(searchers, 4, searchCompiledRoot);
  setTableField(table, "searchers", searchers);
  setFunction(globals, "require", require);
  return table;
}

function setSearcher(searchers: Table, index: i64, run: () => i32): void {
  pushBuiltin(run);
  copyValue(slotForInteger(searchers, index), top - VALUE_SIZE);
  drop(1);
}

/** Puts `table[name]`, as an index expression finds it, on top; false after raising. */
function pushField(table: Table, name: usize): bool {
  pushObject(table.address, TABLE);
  pushString(name);
  if (!indexValue(top - 2 * VALUE_SIZE, top - VALUE_SIZE, top - 2 * VALUE_SIZE)) return false;
  drop(1);
  return true;
}

function require(): i32 {
  const name = checkName(1);
  if (name == 0) return RAISED;
  setArgCount(1);
  if (!pushField(loadedTable, name)) return RAISED;
  if (tagOf(top - VALUE_SIZE) > 1) return 1;
  drop(1);
  if (!findLoader(name)) return RAISED;
  // The loader and its extra value: called with the name and that value, which Lua 5.4 gives back, too.
  const extra = top - VALUE_SIZE;
  if (is54) {
    copyValue(top, extra);
    copyValue(extra, extra - VALUE_SIZE);
    copyValue(extra - VALUE_SIZE, top);
    setObject(top, name, STRING);
    copyValue(top + VALUE_SIZE, extra - VALUE_SIZE);
    setTop(top + 2 * VALUE_SIZE);
  } else {
    copyValue(top, extra);
    setObject(extra, name, STRING);
    setTop(top + VALUE_SIZE);
  }
  if (!callFunction(2, 1)) return RAISED;
  if (tagOf(top - VALUE_SIZE) != NIL && !remember(name, top - VALUE_SIZE)) return RAISED;
  if (!pushField(loadedTable, name)) return RAISED;
  if (tagOf(top - VALUE_SIZE) == NIL) {
    setBoolean(top - VALUE_SIZE, true);
    if (!remember(name, top - VALUE_SIZE)) return RAISED;
  }
  if (!is54) return 1;
  // Below it are what the loader returned, and the extra value.
  pushValue(top - 3 * VALUE_SIZE);
  return 2;
}

/** package.loaded[name] = value. */
function remember(name: usize, value: usize): bool {
  pushString(name);
  const done = setRaw(loadedTable, top - VALUE_SIZE, value);
  drop(1);
  return done;
}

/** Pushes what the first searcher that knows the module gives: a loader and one more value. */
function findLoader(name: usize): bool {
  if (!pushField(packageTable, stringOf("searchers"))) return false;
  if (tagOf(top - VALUE_SIZE) != TABLE) {
    raiseText("'package.searchers' must be a table");
    return false;
  }
  const searchers = Table.of(top - VALUE_SIZE);
  // Messages stay on the stack until it is clear that they are wanted.
  const messages = top - stack;
  for (let i: i64 = 1; i <= SEARCHERS_LIMIT; i++) {
    const searcher = getInteger(searchers, i);
    if (tagOf(searcher) == NIL) break;
    pushValue(searcher);
    pushString(name);
    if (!callFunction(1, 2)) return false;
    const found = top - 2 * VALUE_SIZE;
    if (isFunctionTag(tagOf(found))) return true;
    drop(tagOf(found) == STRING ? 1 : 2);
    if (!ensureStack(2)) return false;
  }
  let tried = "";
  for (let at = stack + messages; at < top; at += VALUE_SIZE) {
    tried += is54 ? `\n\t${textOf(objectOf(at))}` : textOf(objectOf(at));
  }
  raiseText(`module '${textOf(name)}' not found:${tried}`);
  return false;
}

function searchPreload(): i32 {
  const name = checkName(1);
  if (name == 0) return RAISED;
  if (!pushField(Table.of(fieldOf(registry, "preload")), name)) return RAISED;
  if (tagOf(top - VALUE_SIZE) != NIL) {
    if (!is54) return 1;
    pushText(":preload:");
    return 2;
  }
  const message = openBuffer();
  message.addText(is54 ? "no field package.preload['" : "\n\tno field package.preload['");
  message.addString(name);
  message.addText("']");
  return pushBuffer(message);
}

function searchLua(): i32 {
  const name = checkName(1);
  if (name == 0) return RAISED;
  const path = pathField("path");
  if (path === null) return RAISED;
  const file = searchPath(textOf(name), path, ".", "/");
  if (file === null) {
    if (raised) return RAISED;
    pushText(searched);
    return 1;
  }
  if (loadFile(file, null)) {
    pushText(file);
    return 2;
  }
  return raiseText(
    `error loading module '${textOf(name)}' from file '${file}':\n\t${textOf(objectOf(top - VALUE_SIZE))}`,
  );
}

/** Compiled modules: none is ever loaded. */
function searchCompiled(): i32 {
  const name = checkName(1);
  if (name == 0) return RAISED;
  const path = pathField("cpath");
  if (path === null) return RAISED;
  return searchLibrary(textOf(name), textOf(name), path);
}

/** The same for `a` when the module is `a.b`. */
function searchCompiledRoot(): i32 {
  const name = checkName(1);
  if (name == 0) return RAISED;
  const text = textOf(name);
  const dot = text.indexOf(".");
  if (dot < 0) return 0;
  const path = pathField("cpath");
  if (path === null) return RAISED;
  return searchLibrary(text, text.substring(0, dot), path);
}

function searchLibrary(name: string, root: string, path: string): i32 {
  const file = searchPath(root, path, ".", "/");
  if (file === null) {
    if (raised) return RAISED;
    pushText(searched);
    return 1;
  }
  return raiseText(`error loading module '${name}' from file '${file}':\n\t${NO_LIBRARIES}`);
}

/** The string in a field of `package`; null after raising. */
function pathField(name: string): string | null {
  if (!pushField(packageTable, stringOf(name))) return null;
  const at = top - VALUE_SIZE;
  if (tagOf(at) != STRING) {
    raiseText(`'package.${name}' must be a string`);
    return null;
  }
  const text = textOf(objectOf(at));
  drop(1);
  return text;
}

/** What `searchPath` has tried, for messages. */
let searched: string = "";

/** The first file that can be read among `path`'s templates with `name` for their marks, or null; null after raising, too. */
function searchPath(name: string, path: string, separator: string, replacement: string): string | null {
  const module: string | null = separator == "" ? name : replaceMarks(name, separator, replacement, FILE_LIMIT);
  searched = "";
  // Lua 5.4 puts the name in before it takes the path apart, and lists all of that.
  let whole: string | null = path;
  if (is54) {
    if (module !== null) whole = replaceMarks(path, "?", module, SEARCHED_LIMIT);
    let list: string | null = null;
    if (whole !== null) list = replaceMarks(whole, ";", "'\n\tno file '", SEARCHED_LIMIT);
    if (list === null) {
      raiseMemory();
      return null;
    }
    searched = `no file '${list}'`;
  }
  const templates = present<string>(whole).split(";", TEMPLATES_LIMIT);
  for (let i = 0; i < templates.length; i++) {
    if (templates[i] == "") continue;
    let file: string | null = null;
    if (module !== null) file = is54 ? templates[i] : replaceMarks(templates[i], "?", module, FILE_LIMIT);
    if (file === null || searched.length > SEARCHED_LIMIT) {
      raiseMemory();
      return null;
    }
    if (isReadable(file)) return file;
    if (!is54) searched += `\n\tno file '${file}'`;
  }
  return null;
}

function isReadable(path: string): bool {
  owe(PATH_GARBAGE);
  const fd = open(path, O_RDONLY, PURPOSE_NONE);
  if (fd < 0) return false;
  close(fd);
  return stat(path) !== null;
}

function searchPathFunction(): i32 {
  const name = checkText(1);
  if (name === null) return RAISED;
  const path = checkText(2);
  if (path === null) return RAISED;
  const separator = isAbsent(3) ? "." : checkText(3);
  if (separator === null) return RAISED;
  const replacement = isAbsent(4) ? "/" : checkText(4);
  if (replacement === null) return RAISED;
  const file = searchPath(name, path, separator, replacement);
  if (file !== null) {
    pushText(file);
    return 1;
  }
  if (raised) return RAISED;
  pushNil();
  pushText(searched);
  return 2;
}

function loadLibrary(): i32 {
  if (checkString(1) == 0 || checkString(2) == 0) return RAISED;
  pushNil();
  pushText(NO_LIBRARIES);
  pushText("absent");
  return 3;
}
