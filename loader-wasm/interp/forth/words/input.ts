// Words that take text: keys, and what is left of the text that is interpreted.

import { getchar, ischar } from "../../../console/console";
import { Ascii } from "../../../lib/ascii";
import { immediate, primitive, variableAt } from "../define";
import { PAD_SIZE, pad, placeText, Variables, variables, writable } from "../memory";
import {
  parsedAt,
  parsedSize,
  parseUntil,
  position,
  scanUntil,
  scanWord,
  setPosition,
  source,
  sourceId,
  sourceSize,
} from "../outer";
import { pop, push, pushFlag, thrown } from "../stacks";
import { takeRestart, waitForText } from "../vm/execute";
import { show } from "./numbers";

/** Takes what is left of the line being interpreted, not what is typed; waits for a line when nothing is. */
function accept(): void {
  const at = position();
  if (at >= sourceSize) {
    waitForText();
    return;
  }
  takeRestart();
  const limit = <u64>pop();
  const address = pop();
  const size = min(limit, <u64>(sourceSize - at));
  if (!writable(address, <i64>size)) return;
  memory.copy(<usize>address, source + <usize>at, <usize>size);
  setPosition(at + <i32>size);
  push(<i64>size);
}

/** Where EXPECT leaves its count. */
let span: usize = 0;

/** Defines the words that take text. */
export function defineInput(): void {
  span = variableAt("span");
  primitive("key", 0, 1, () => push(getchar()));
  primitive("key?", 0, 1, () => pushFlag(ischar()));
  primitive("accept", 2, 1, accept);
  primitive("expect", 2, 0, () => {
    accept();
    if (thrown == 0) store<i64>(span, pop());
  });
  primitive("source", 0, 2, () => {
    push(<i64>source);
    push(sourceSize);
  });
  primitive("source-id", 0, 1, () => push(sourceId));
  primitive(">in", 0, 1, () => push(variables.addressOf(offsetof<Variables>("in"))));
  primitive("refill", 0, 1, () => {
    if (sourceId == -1) push(0);
    else if (takeRestart()) push(-1);
    else waitForText();
  });
  primitive("parse", 1, 2, () => {
    scanUntil(<i32>pop() & 0xff);
    push(<i64>source + <i64>parsedAt);
    push(parsedSize);
  });
  primitive("parse-word", 0, 2, () => {
    scanWord();
    push(<i64>source + <i64>parsedAt);
    push(parsedSize);
  });
  primitive("word", 1, 1, () => {
    const kept = parseUntil(<i32>pop() & 0xff, true).substring(0, PAD_SIZE - 1);
    store<u8>(pad, <u8>kept.length);
    // A blank follows that doesn't count.
    placeText(pad + 1, `${kept} `);
    push(<i64>pad);
  });
  immediate("(", 0, 0, () => {
    scanUntil(Ascii.CLOSE_PAREN);
  });
  immediate("\\", 0, 0, () => {
    scanUntil(Ascii.NEWLINE);
  });
  immediate(".(", 0, 0, () => show(parseUntil(Ascii.CLOSE_PAREN, false, true)));
  primitive("pad", 0, 1, () => push(<i64>pad));
}
