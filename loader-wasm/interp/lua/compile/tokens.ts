// The parser's dealings with tokens: what may come next, what must, and how deep the syntax nests.

import { DEPTH_LIMIT, depth, raised, setDepth } from "../run/state";
import { is54 } from "../values/dialect";
import { current } from "./function_state";
import { advance, line, stackError, syntaxError, Token, token, tokenString, tokenText } from "./lexer";

/** Takes the current token if it is `which`. */
export function accept(which: i32): bool {
  if (token != which) return false;
  advance();
  return true;
}

/** Raises unless the current token is `which`. */
export function check(which: i32): void {
  if (token != which && !raised) syntaxError(`${tokenText(which)} expected`);
}

/** Takes the current token, which must be `which`. */
export function expect(which: i32): void {
  check(which);
  advance();
}

/** Expects what closes something that began with `opened` at line `at`. */
export function expectMatch(which: i32, opened: i32, at: i32): void {
  if (token == which) {
    advance();
    return;
  }
  // Levels that are left because of an error have nothing to add.
  if (raised) return;
  if (at == line) syntaxError(`${tokenText(which)} expected`);
  else syntaxError(`${tokenText(which)} expected (to close ${tokenText(opened)} at line ${at})`);
}

/** Takes a name, which must be there, and returns its string. */
export function expectName(): usize {
  check(Token.NAME);
  const name = tokenString;
  advance();
  return name;
}

/** One level of syntax deeper. */
export function enter(): void {
  setDepth(depth + 1);
  if (!is54) current.checkLimit(depth, DEPTH_LIMIT, "C levels");
  else if (depth >= DEPTH_LIMIT) stackError();
}

/** Undoes `enter`. */
export function leave(): void {
  setDepth(depth - 1);
}
