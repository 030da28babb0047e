// The library `hash` of newer loaders: `hash.sha256([data])` is an object with update(data), digest() and
// hexdigest(). A digest ends the object; what comes after begins anew.

import { finishSha256, SHA256_SIZE, startSha256, updateSha256 } from "../../../lib/digests/sha256";
import { RAISED } from "../run/state";
import { Table } from "../values/objects";
import { bytesOf, lengthOf, newString } from "../values/string";
import { newTable } from "../values/table";
import { USERDATA } from "../values/value";
import {
  argCount,
  checkString,
  pushNil,
  pushObject,
  pushString,
  setArgCount,
  setFunction,
  setTableField,
} from "./builtin";
import { checkUserdata, newMetatable, newUserdata, SHA256, USERDATA_CONTENT } from "./library";

const SHA256_NAME: string = "SHA256 meta table";
const DIGEST_SIZE: u32 = 32;

let sha256Meta: Table = changetype<Table>(0);
const hexDigits: usize = memory.data(64);

/** Makes the library. */
export function openHash(): Table {
  sha256Meta = newMetatable(SHA256_NAME);
  const methods = newTable();
  setFunction(methods, "update", update);
  setFunction(methods, "digest", digest);
  setFunction(methods, "hexdigest", hexDigest);
  setTableField(sha256Meta, "__index", methods);
  const table = newTable();
  setFunction(table, "sha256", sha256);
  return table;
}

/** The context in argument 1, or 0 after raising. */
function contextAt(): usize {
  const userdata = checkUserdata(1, SHA256, SHA256_NAME);
  return userdata == 0 ? 0 : userdata + USERDATA_CONTENT;
}

function sha256(): i32 {
  const count = argCount();
  if (count > 1) {
    pushNil();
    return 1;
  }
  const data: usize = count == 1 ? checkString(1) : 0;
  if (count == 1 && data == 0) return RAISED;
  const userdata = newUserdata(SHA256, SHA256_SIZE, sha256Meta);
  startSha256(userdata + USERDATA_CONTENT);
  if (data != 0) updateSha256(userdata + USERDATA_CONTENT, bytesOf(data), lengthOf(data));
  pushObject(userdata, USERDATA);
  return 1;
}

/** `object:update(data)`: the object. */
function update(): i32 {
  const context = contextAt();
  const data: usize = context == 0 ? 0 : checkString(2);
  if (data == 0) return RAISED;
  updateSha256(context, bytesOf(data), lengthOf(data));
  setArgCount(1);
  return 1;
}

/** Ends the context and turns its words into the digest's bytes. */
function finish(context: usize): void {
  finishSha256(context);
  for (let i: usize = 0; i < DIGEST_SIZE; i += 4) store<u32>(context + i, bswap<u32>(load<u32>(context + i)));
}

function digest(): i32 {
  const context = contextAt();
  if (context == 0) return RAISED;
  finish(context);
  pushString(newString(context, DIGEST_SIZE));
  startSha256(context);
  return 1;
}

function hexDigit(value: u32): u8 {
  return <u8>(value < 10 ? 0x30 + value : 0x57 + value);
}

function hexDigest(): i32 {
  const context = contextAt();
  if (context == 0) return RAISED;
  finish(context);
  for (let i: usize = 0; i < DIGEST_SIZE; i++) {
    const byte = load<u8>(context + i);
    store<u8>(hexDigits + 2 * i, hexDigit(byte >> 4));
    store<u8>(hexDigits + 2 * i, hexDigit(byte & 15), 1);
  }
  pushString(newString(hexDigits, 2 * DIGEST_SIZE));
  startSha256(context);
  return 1;
}
