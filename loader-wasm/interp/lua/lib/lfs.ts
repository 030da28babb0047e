// The library `lfs`: the part of LuaFileSystem that the loader has, directories and attributes of files. An
// open directory is a userdata that closes when it is read to its end or collected.

import { close, open, pathOf, readdir, stat } from "../../../files/files";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, Stat } from "../../../fs/file_system";
import { EIO, errno, strerror } from "../../../lib/errno";
import { burn } from "../../../lib/fault";
import { profile } from "../../../lib/profile";
import { PURPOSE_NONE } from "../../../protocol";
import { raiseText } from "../run/errors";
import { noteFinalizer } from "../run/gc";
import { frame, RAISED } from "../run/state";
import { Table, Userdata } from "../values/objects";
import { owe } from "../values/owed";
import { stringOf } from "../values/string";
import { newTable, slotForString } from "../values/table";
import { FLOAT, INTEGER, STRING, setInteger, setObject, TABLE, USERDATA } from "../values/value";
import {
  argAt,
  argCount,
  argError,
  argTag,
  checkString,
  pushBuiltin,
  pushInteger,
  pushNil,
  pushObject,
  pushText,
  setFunction,
  setIntegerField,
  setTableField,
} from "./builtin";
import {
  checkText,
  checkUserdata,
  ctextOf,
  DIRECTORY,
  newMetatable,
  newUserdata,
  offer,
  PATH_GARBAGE,
  placeOf,
  USERDATA_CONTENT,
} from "./library";

/** The metatable's name. */
const DIRECTORY_NAME: string = "directory iterator metatable";
const CLOSED: i32 = -1;
/** Fuel for an entry; directories may be endless. */
const ENTRY_COST: i64 = 16;
/** Bytes that it may leave behind. */
const ENTRY_GARBAGE: i32 = 256;

const DT_DIR: i32 = 4;
const DT_REG: i32 = 8;
const DT_LNK: i32 = 10;

const S_IFSOCK: u32 = 0o140000;
const S_IFBLK: u32 = 0o060000;
const S_IFCHR: u32 = 0o020000;
const S_IFIFO: u32 = 0o010000;

let directoryMeta: Table = changetype<Table>(0);

/** Makes the library. */
export function openLfs(): Table {
  directoryMeta = newMetatable(DIRECTORY_NAME);
  const methods = newTable();
  setFunction(methods, "next", nextEntry);
  setFunction(methods, "close", closeDirectory);
  setTableField(directoryMeta, "__index", methods);
  setFunction(directoryMeta, "__gc", closeDirectory);
  const table = newTable();
  setFunction(table, "attributes", attributes);
  setFunction(table, "dir", openDirectory);
  const unseen = newTable();
  setIntegerField(placeOf(table, unseen, 13), "DT_DIR", DT_DIR);
  const recent = placeOf(table, unseen, 15);
  setIntegerField(recent, "DT_REG", DT_REG);
  setIntegerField(recent, "DT_LNK", DT_LNK);
  offer(table, unseen);
  return table;
}

/** `dir(path)`: an iterator and its state, or nil. */
function openDirectory(): i32 {
  let fd = -1;
  if (argCount() == 1) {
    const path = checkText(1);
    if (path === null) return RAISED;
    owe(PATH_GARBAGE);
    fd = open(path, 0, PURPOSE_NONE);
  }
  if (fd < 0) {
    pushNil();
    return 1;
  }
  const directory = newUserdata(DIRECTORY, 8, directoryMeta);
  store<i32>(directory, fd, USERDATA_CONTENT);
  noteFinalizer(changetype<Userdata>(directory));
  pushBuiltin(nextEntry);
  pushObject(directory, USERDATA);
  return 2;
}

/** The next name, and its type, too, but from 12.1 for callers that pass all on and would notice. */
function nextEntry(): i32 {
  const directory = checkUserdata(1, DIRECTORY, DIRECTORY_NAME);
  if (directory == 0) return RAISED;
  const fd = load<i32>(directory, USERDATA_CONTENT);
  if (fd == CLOSED) return argError(1, "closed directory");
  burn(ENTRY_COST);
  owe(ENTRY_GARBAGE);
  const entry = readdir(fd);
  if (entry === null) {
    const error = errno;
    const path = pathOf(fd);
    closeNow(directory);
    return error == EIO ? raiseText(`cannot read ${path}: ${strerror(error)}`) : 0;
  }
  pushText(entry.name);
  if (profile.generation < 13 && frame.wanted < 2) return 1;
  // A type that the file system doesn't tell is better asked for than taken for none.
  if (entry.type == 0) pushNil();
  else pushInteger(entry.type);
  return 2;
}

function closeDirectory(): i32 {
  const directory = checkUserdata(1, DIRECTORY, DIRECTORY_NAME);
  if (directory == 0) return RAISED;
  closeNow(directory);
  return 0;
}

function closeNow(directory: usize): void {
  const fd = load<i32>(directory, USERDATA_CONTENT);
  if (fd == CLOSED) return;
  close(fd);
  store<i32>(directory, CLOSED, USERDATA_CONTENT);
}

// ---- attributes ----------------------------------------------------------------------------------------

/** Attributes that are numbers. */
const NUMBERS: StaticArray<string> = [
  "dev",
  "ino",
  "nlink",
  "uid",
  "gid",
  "rdev",
  "access",
  "modification",
  "change",
  "size",
];

/** A number among a file's attributes; those that no file system here tells are 0. -1: there is no such number. */
function numberOf(status: Stat, name: string): i64 {
  if (name == "uid") return status.uid;
  if (name == "gid") return status.gid;
  if (name == "size") return <i64>status.size;
  for (let i = 0; i < NUMBERS.length; i++) if (NUMBERS[i] == name) return 0;
  return -1;
}

function modeOf(status: Stat): string {
  switch (status.mode & S_IFMT) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "directory";
    case S_IFLNK:
      return "link";
    case S_IFSOCK:
      return "socket";
    case S_IFIFO:
      return "fifo";
    case S_IFCHR:
      return "char device";
    case S_IFBLK:
      return "block device";
    default:
      return "other";
  }
}

function permissionsOf(status: Stat): string {
  return (status.mode & ~S_IFMT).toString(8);
}

/** `attributes(path [, name | table])`: one attribute or a table of all; nil, text and number of an error. */
function attributes(): i32 {
  const path = checkText(1);
  if (path === null) return RAISED;
  owe(PATH_GARBAGE);
  const status = stat(path);
  if (status === null) {
    const error = errno;
    pushNil();
    pushText(`cannot obtain information from file '${path}': ${strerror(error)}`);
    pushInteger(error);
    return 3;
  }
  const tag = argTag(2);
  if (tag == STRING || tag == INTEGER || tag == FLOAT) return pushAttribute(status, ctextOf(checkString(2)));
  const table = tag == TABLE ? Table.of(argAt(2)) : newTable();
  setObject(slotForString(table, stringOf("mode")), stringOf(modeOf(status)), STRING);
  setObject(slotForString(table, stringOf("permissions")), stringOf(permissionsOf(status)), STRING);
  for (let i = 0; i < NUMBERS.length; i++) {
    setInteger(slotForString(table, stringOf(NUMBERS[i])), numberOf(status, NUMBERS[i]));
  }
  pushObject(table.address, TABLE);
  return 1;
}

function pushAttribute(status: Stat, name: string): i32 {
  if (name == "mode") {
    pushText(modeOf(status));
  } else if (name == "permissions") {
    pushText(permissionsOf(status));
  } else {
    const number = numberOf(status, name);
    if (number == -1 && name != "size") return raiseText(`invalid attribute name '${name}'`);
    pushInteger(number);
  }
  return 1;
}
