// Words on time and UUIDs, and what they leave of the dictionary.

import { delay, time } from "../../../console/console";
import { Ascii } from "../../../lib/ascii";
import { digitValue } from "../../../lib/text";
import { colon, primitive } from "../define";
import { allocateBlock } from "../heap";
import { cellsLeft, popText, Variables, variables } from "../memory";
import { fail, pop, push } from "../stacks";

/** Bytes of a UUID, and of its text: 8-4-4-4-12 digits. */
const UUID_SIZE: i64 = 16;
const UUID_TEXT: i32 = 36;

/** A block with the UUID that `text` tells, or 0. Nothing tells the nil UUID. */
function uuidFromText(text: string): usize {
  const bytes: u8[] = [];
  if (text.length > 0) {
    if (text.length != UUID_TEXT) return 0;
    for (let i = 0; i < UUID_TEXT; ) {
      const dash = i == 8 || i == 13 || i == 18 || i == 23;
      if (dash && text.charCodeAt(i++) != Ascii.MINUS) return 0;
      const high = digitValue(text.charCodeAt(i));
      const low = digitValue(text.charCodeAt(i + 1));
      if (high > 15 || low > 15) return 0;
      bytes.push(<u8>((high << 4) | low));
      i += 2;
    }
    // Of the variants those of DCE, NCS and Microsoft are known.
    const variant = bytes[8];
    if ((variant & 0x80) != 0 && (variant & 0xc0) != 0x80 && (variant & 0xe0) != 0xc0) return 0;
  }
  const block = allocateBlock(UUID_SIZE);
  if (block == 0) {
    fail("Error: out of memory");
    return 0;
  }
  memory.fill(block, 0, <usize>UUID_SIZE);
  // The first three fields are numbers of 4, 2 and 2 bytes.
  const places: i32[] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  for (let i = 0; i < bytes.length; i++) store<u8>(block + <usize>places[i], bytes[i]);
  return block;
}

/** Defines the words on time, UUIDs, and the dictionary's size. */
export function defineTimes(): void {
  primitive("ms", 1, 0, () => delay(<i32>min(pop() * 1000, i32.MAX_VALUE)));
  primitive("seconds", 0, 1, () => push(time()));
  primitive("heap?", 0, 1, () => push(cellsLeft()));
  primitive("dictthreshold", 0, 1, () => push(variables.addressOf(offsetof<Variables>("threshold"))));
  primitive("dictincrease", 0, 1, () => push(variables.addressOf(offsetof<Variables>("increase"))));
  primitive("uuid-from-string", 2, 1, () => {
    const text = popText();
    if (text !== null) push(<i64>uuidFromText(text));
  });
  // The reference gives a text only when it couldn't make one.
  primitive("uuid-to-string", 1, 1, () => {
    pop();
    push(-1);
  });
  colon("tib>", "source >in @ tuck over >in ! - >r + r>");
  colon("%", "tib> ['] evaluate catch drop");
  colon("$", "tib> 2dup type cr evaluate");
}
