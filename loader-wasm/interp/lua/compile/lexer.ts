// The lexer: bytes of a chunk to tokens (Lua 5.3 Reference Manual, 3.1). After an error every token is the end
// of the text, so that the parser comes to its end by itself; the first error is the one that counts.

import { cstringAt } from "../../../lib/bytes";
import { burn } from "../../../lib/fault";
import { digitValue, isDigit, isHexDigit } from "../../../lib/text";
import { chunkName, ERROR_GARBAGE, raiseHere } from "../run/errors";
import { errorValue, raised, setRaised } from "../run/state";
import { is54 } from "../values/dialect";
import { allocateBlock, freeBlock } from "../values/heap";
import { parseNumber } from "../values/number";
import { LuaString } from "../values/objects";
import { owe } from "../values/owed";
import { isShort, newString, pinString, stringOf } from "../values/string";
import { STRING, setObject } from "../values/value";

/** Tokens beyond single characters; the reserved words in the order of WORDS, then the symbols in that of SYMBOLS. */
export namespace Token {
  export const AND: i32 = 257;
  export const BREAK: i32 = 258;
  export const DO: i32 = 259;
  export const ELSE: i32 = 260;
  export const ELSEIF: i32 = 261;
  export const END: i32 = 262;
  export const FALSE: i32 = 263;
  export const FOR: i32 = 264;
  export const FUNCTION: i32 = 265;
  export const GOTO: i32 = 266;
  export const IF: i32 = 267;
  export const IN: i32 = 268;
  export const LOCAL: i32 = 269;
  export const NIL: i32 = 270;
  export const NOT: i32 = 271;
  export const OR: i32 = 272;
  export const REPEAT: i32 = 273;
  export const RETURN: i32 = 274;
  export const THEN: i32 = 275;
  export const TRUE: i32 = 276;
  export const UNTIL: i32 = 277;
  export const WHILE: i32 = 278;
  export const IDIV: i32 = 279;
  export const CONCAT: i32 = 280;
  export const DOTS: i32 = 281;
  export const EQ: i32 = 282;
  export const GE: i32 = 283;
  export const LE: i32 = 284;
  export const NE: i32 = 285;
  export const SHL: i32 = 286;
  export const SHR: i32 = 287;
  export const LABEL: i32 = 288;
  export const EOS: i32 = 289;
  /** `numeral` holds the value. */
  export const NUMERAL: i32 = 290;
  /** `tokenString` holds it. */
  export const NAME: i32 = 291;
  export const STRING: i32 = 292;
}

const FIRST_WORD: i32 = 257;
const WORDS =
  "and break do else elseif end false for function goto if in local nil not or repeat return then true until while";
const SYMBOLS = "// .. ... == >= <= ~= << >> :: <eof>";
let names: string[] = [];

/** What each byte can be: NAME, DIGIT, and SPACE but not the end of a line. */
const kinds: usize = memory.data(256);
const NAME: u8 = 1;
const DIGIT: u8 = 2;
const SPACE: u8 = 4;

/** Marks the reserved words' strings. */
export function startLexer(): void {
  for (let c = 0; c < 26; c++) {
    store<u8>(kinds + 0x41 + <usize>c, NAME);
    store<u8>(kinds + 0x61 + <usize>c, NAME);
  }
  store<u8>(kinds + 0x5f, NAME);
  for (let c = 0x30; c < 0x3a; c++) store<u8>(kinds + <usize>c, DIGIT);
  store<u8>(kinds + 0x20, SPACE);
  store<u8>(kinds + 0x09, SPACE);
  store<u8>(kinds + 0x0b, SPACE);
  store<u8>(kinds + 0x0c, SPACE);
  const words = WORDS.split(" ");
  for (let i = 0; i < words.length; i++) {
    const text = pinString(stringOf(words[i]));
    LuaString.at(text).note = <u8>(i + 1);
  }
  names = words.concat(SYMBOLS.split(" "));
}

// ---- state; one chunk is read at a time -------------------------------------------------------------------

let at: usize = 0;
let end: usize = 0;
/** Current byte, -1 at the end. */
let current: i32 = -1;
let source: usize = 0;

/** The current token: a character, or one of Token. */
export let token: i32 = 0;
/** Its line. */
export let line: i32 = 1;
/** Line of the token before the current one. */
export let lastLine: i32 = 1;
/** The string of a name or a string. */
export let tokenString: usize = 0;
/** Value of a numeral. */
export const numeral: usize = memory.data(16, 8);

let aheadToken: i32 = Token.EOS;
let aheadString: usize = 0;
const aheadNumeral: usize = memory.data(16, 8);

/** Text of the current numeral or string, as messages show it. */
let text: usize = 0;
let textSize: u32 = 0;
let textRoom: u32 = 0;
/** The last name, in the chunk itself. */
let nameAt: usize = 0;
let nameSize: u32 = 0;

/** Begins reading `size` bytes at `src`, a chunk named `name`. */
export function startChunk(src: usize, size: u32, name: usize): void {
  at = src;
  end = src + size;
  source = name;
  line = 1;
  lastLine = 1;
  aheadToken = Token.EOS;
  textSize = 0;
  next();
}

/** Name of the chunk. */
export function chunkSource(): usize {
  return source;
}

function next(): void {
  if (at < end) current = load<u8>(at++);
  else {
    current = -1;
    at = end + 1;
  }
}

function save(c: i32): void {
  if (textSize == textRoom) {
    const room = max<u32>(textRoom * 2, 128);
    const fresh = allocateBlock(room);
    memory.copy(fresh, text, textSize);
    if (textRoom > 0) freeBlock(text, textRoom);
    text = fresh;
    textRoom = room;
  }
  store<u8>(text + textSize, <u8>c);
  textSize++;
}

function saveNext(): void {
  save(current);
  next();
}

// ---- errors ----------------------------------------------------------------------------------------------

/** How messages name a token. */
export function tokenText(which: i32): string {
  if (which < FIRST_WORD) {
    if (which >= 32 && which < 127) return `'${String.fromCharCode(which)}'`;
    return `'<\\${which}>'`;
  }
  const name =
    which < Token.NUMERAL
      ? names[which - FIRST_WORD]
      : which == Token.NAME
        ? "<name>"
        : which == Token.STRING
          ? "<string>"
          : "<integer>";
  return which < Token.EOS ? `'${name}'` : name;
}

function nearText(which: i32): string {
  if (which < Token.NUMERAL) return tokenText(which);
  const from = which == Token.NAME ? nameAt : text;
  const size = which == Token.NAME ? nameSize : textSize;
  return `'${cstringAt(from, size)}'`;
}

/** Raises `message` at the current line; after it the token `which`, unless 0. Only the first error counts. */
export function lexError(message: string, which: i32): void {
  if (!raised) {
    owe(ERROR_GARBAGE);
    let full = `${chunkName(source)}:${line}: ${message}`;
    if (which != 0) full += ` near ${nearText(which)}`;
    setObject(errorValue, stringOf(full), STRING);
    setRaised(true);
  }
  stop();
}

/** Lets nothing but the end of the text follow. */
export function stop(): void {
  at = end + 1;
  current = -1;
  token = Token.EOS;
  aheadToken = Token.EOS;
}

/** Raises that the syntax nests too deeply, as Lua 5.4 does: it is the stack of calls that ends. */
export function stackError(): void {
  if (!raised) raiseHere("C stack overflow");
  stop();
}

/** Raises `message` with the current token. */
export function syntaxError(message: string): void {
  lexError(message, token);
}

// ---- tokens ----------------------------------------------------------------------------------------------

/** Goes on to the next token. */
export function advance(): void {
  lastLine = line;
  if (aheadToken != Token.EOS) {
    token = aheadToken;
    tokenString = aheadString;
    memory.copy(numeral, aheadNumeral, 16);
    aheadToken = Token.EOS;
    return;
  }
  token = scan();
}

/** The token after the current one. */
export function peekToken(): i32 {
  if (raised) return Token.EOS;
  const keptString = tokenString;
  memory.copy(aheadNumeral, numeral, 16);
  aheadToken = scan();
  aheadString = tokenString;
  tokenString = keptString;
  // The numerals change places.
  const payload = load<i64>(numeral);
  const tag = load<u32>(numeral, 8);
  memory.copy(numeral, aheadNumeral, 16);
  store<i64>(aheadNumeral, payload);
  store<u32>(aheadNumeral, tag, 8);
  return aheadToken;
}

function isNewline(c: i32): bool {
  return c == 0x0a || c == 0x0d;
}

/** Skips a line's end, of whichever form. */
function newline(): void {
  const old = current;
  next();
  if (isNewline(current) && current != old) next();
  line++;
  burn(1);
}

function pick(c: i32, yes: i32, no: i32): i32 {
  if (current != c) return no;
  next();
  return yes;
}

function scan(): i32 {
  textSize = 0;
  while (true) {
    const c = current;
    switch (c) {
      case 0x0a:
      case 0x0d:
        newline();
        continue;
      case 0x20:
        skipSpaces();
        continue;
      case 0x2d:
        next();
        if (current != 0x2d) return 0x2d;
        next();
        skipComment();
        if (raised) return Token.EOS;
        continue;
      case 0x5b: {
        const level = skipLongStart();
        if (level >= 0) return longString(level, false);
        if (level == -1) return 0x5b;
        lexError("invalid long string delimiter", Token.STRING);
        return Token.EOS;
      }
      case 0x3d:
        next();
        return pick(0x3d, Token.EQ, 0x3d);
      case 0x3c:
        next();
        return current == 0x3c ? pick(0x3c, Token.SHL, 0) : pick(0x3d, Token.LE, 0x3c);
      case 0x3e:
        next();
        return current == 0x3e ? pick(0x3e, Token.SHR, 0) : pick(0x3d, Token.GE, 0x3e);
      case 0x2f:
        next();
        return pick(0x2f, Token.IDIV, 0x2f);
      case 0x7e:
        next();
        return pick(0x3d, Token.NE, 0x7e);
      case 0x3a:
        next();
        return pick(0x3a, Token.LABEL, 0x3a);
      case 0x22:
      case 0x27:
        return quotedString(c);
      case 0x2e:
        saveNext();
        if (current == 0x2e) {
          next();
          return pick(0x2e, Token.DOTS, Token.CONCAT);
        }
        return isDigit(current) ? readNumeral() : 0x2e;
      case -1:
        return Token.EOS;
      default: {
        const kind = load<u8>(kinds + <usize>c);
        if (kind == NAME) return readName();
        if (kind == DIGIT) return readNumeral();
        next();
        if (kind == SPACE) continue;
        return c;
      }
    }
  }
}

function skipSpaces(): void {
  let p = at;
  while (p < end && load<u8>(kinds + <usize>load<u8>(p)) == SPACE) p++;
  at = p;
  next();
}

function readName(): i32 {
  const start = at - 1;
  let p = at;
  while (p < end && (load<u8>(kinds + <usize>load<u8>(p)) & (NAME | DIGIT)) != 0) p++;
  at = p;
  next();
  const size = <u32>(p - start);
  tokenString = newString(start, size);
  if (isShort(tokenString)) {
    const word = LuaString.at(tokenString).note;
    if (word != 0) return FIRST_WORD + word - 1;
  }
  nameAt = start;
  nameSize = size;
  return Token.NAME;
}

function readNumeral(): i32 {
  let exponent = 0x65;
  const first = current;
  saveNext();
  if (first == 0x30 && (current | 0x20) == 0x78 && current > 0) {
    saveNext();
    exponent = 0x70;
  }
  while (true) {
    if (current > 0 && (current | 0x20) == exponent) {
      saveNext();
      if (current == 0x2b || current == 0x2d) saveNext();
    }
    if (isHexDigit(current) || current == 0x2e) saveNext();
    else break;
  }
  if (!parseNumber(text, textSize, numeral)) lexError("malformed number", Token.NUMERAL);
  return raised ? Token.EOS : Token.NUMERAL;
}

/** At `[`: the number of `=` when a long bracket begins, -1 for a lone bracket, -2 for a malformed one. */
function skipLongStart(): i32 {
  saveNext();
  let level = 0;
  while (current == 0x3d) {
    saveNext();
    level++;
  }
  if (current == 0x5b) return level;
  return level == 0 ? -1 : -2;
}

function skipComment(): void {
  if (current == 0x5b) {
    textSize = 0;
    const level = skipLongStart();
    textSize = 0;
    if (level >= 0) {
      longString(level, true);
      textSize = 0;
      return;
    }
  }
  if (current < 0 || isNewline(current)) return;
  let p = at;
  while (p < end && !isNewline(load<u8>(p))) p++;
  burn(<i64>((p - at) >> 6));
  at = p;
  next();
}

function longString(level: i32, comment: bool): i32 {
  const began = line;
  saveNext();
  if (isNewline(current)) newline();
  while (true) {
    if (current < 0) {
      const what = comment ? "comment" : "string";
      lexError(`unfinished long ${what} (starting at line ${began})`, Token.EOS);
      return Token.EOS;
    }
    if (current == 0x5d) {
      let matched = 0;
      saveNext();
      while (current == 0x3d) {
        saveNext();
        matched++;
      }
      if (current == 0x5d && matched == level) {
        saveNext();
        break;
      }
    } else if (isNewline(current)) {
      save(0x0a);
      newline();
      if (comment) textSize = 0;
    } else if (comment) next();
    else saveNext();
  }
  if (!comment) tokenString = newString(text + <usize>(level + 2), textSize - 2 * <u32>(level + 2));
  return Token.STRING;
}

function quotedString(quote: i32): i32 {
  saveNext();
  while (current != quote) {
    if (current < 0) {
      lexError("unfinished string", Token.EOS);
      return Token.EOS;
    }
    if (isNewline(current)) {
      lexError("unfinished string", Token.STRING);
      return Token.EOS;
    }
    if (current == 0x5c) {
      if (!escape()) return Token.EOS;
    } else saveNext();
  }
  saveNext();
  tokenString = newString(text + 1, textSize - 2);
  return Token.STRING;
}

/** An escape sequence. The text holds its characters while it is read, for messages. */
function escape(): bool {
  const start = textSize;
  saveNext();
  let c = 0;
  switch (current) {
    case 0x61:
      c = 0x07;
      break;
    case 0x62:
      c = 0x08;
      break;
    case 0x66:
      c = 0x0c;
      break;
    case 0x6e:
      c = 0x0a;
      break;
    case 0x72:
      c = 0x0d;
      break;
    case 0x74:
      c = 0x09;
      break;
    case 0x76:
      c = 0x0b;
      break;
    case 0x78: {
      saveNext();
      for (let i = 0; i < 2; i++) {
        if (!isHexDigit(current)) return escapeError("hexadecimal digit expected");
        c = (c << 4) + digitValue(current);
        if (i == 0) saveNext();
      }
      break;
    }
    case 0x75:
      return unicode(start);
    case 0x0a:
    case 0x0d:
      newline();
      textSize = start;
      save(0x0a);
      return true;
    case 0x5c:
    case 0x22:
    case 0x27:
      c = current;
      break;
    case -1:
      return true;
    case 0x7a:
      textSize = start;
      next();
      while (current == 0x20 || <u32>(current - 9) < 5) {
        if (isNewline(current)) newline();
        else next();
      }
      return true;
    default: {
      if (!isDigit(current)) return escapeError("invalid escape sequence");
      for (let i = 0; i < 3 && isDigit(current); i++) {
        c = c * 10 + current - 0x30;
        saveNext();
      }
      if (c > 255) return escapeError("decimal escape too large");
      textSize = start;
      save(c);
      return true;
    }
  }
  next();
  textSize = start;
  save(c);
  return true;
}

function escapeError(message: string): bool {
  if (current >= 0) saveNext();
  lexError(message, Token.STRING);
  return false;
}

/** Largest code that an escape of Lua 5.4 may have. */
const CODE_LIMIT_54: u32 = 0x7fffffff;

/** `\u{XXX}`, as UTF-8. */
function unicode(start: u32): bool {
  saveNext();
  if (current != 0x7b) return escapeError("missing '{'");
  saveNext();
  let value: u32 = 0;
  if (!isHexDigit(current)) return escapeError("hexadecimal digit expected");
  while (isHexDigit(current)) {
    if (is54 && value > CODE_LIMIT_54 >> 4) return escapeError("UTF-8 value too large");
    value = (value << 4) + <u32>digitValue(current);
    if (!is54 && value > 0x10ffff) return escapeError("UTF-8 value too large");
    saveNext();
  }
  if (current != 0x7d) return escapeError("missing '}'");
  next();
  textSize = start;
  // How many bytes follow the first: each has 6 bits, and takes one from the first.
  let more = 0;
  while (more < 5 && value >> <u32>(6 * more) > (more == 0 ? 0x7f : <u32>(0x3f >> more))) more++;
  save(more == 0 ? value : ((0xff80 >> more) & 0xff) | (value >> <u32>(6 * more)));
  while (more-- > 0) save(0x80 | ((value >> <u32>(6 * more)) & 0x3f));
  return true;
}
