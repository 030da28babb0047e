// What bytes of the guest's console a terminal is shown as. Menus of FreeBSD's scripts draw frames with the characters
// of IBM's code page 437, as a PC's screen has them; a terminal that takes UTF-8 shows nothing sensible for such bytes.
// Text that is UTF-8 already, as newer scripts draw their frames, stays as it is.

import { isUtf8 } from "node:buffer";

/** How the guest's output is shown: `raw` as it is, `utf-8` with code page 437 drawn, `auto` that where the terminal can. */
export type CharsetChoice = "auto" | "utf-8" | "raw";

/** Characters 0x80 to 0xff of code page 437. */
const HIGH_HALF =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧" +
  "╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

/** Whether the terminal that is `output` takes UTF-8, as its environment says. */
export function takesUtf8(output: { isTTY?: boolean }, environment: NodeJS.ProcessEnv): boolean {
  const locale = environment.LC_ALL || environment.LC_CTYPE || environment.LANG || "";
  return output.isTTY === true && /utf-?8/i.test(locale);
}

/** Bytes of the UTF-8 sequence that `lead` begins; 1 for what begins none. Of two bytes only Latin-1's count: frames are full of others. */
function sequenceSize(lead: number): number {
  if (lead === 0xc2 || lead === 0xc3) return 2;
  if (lead >= 0xe0 && lead < 0xf0) return 3;
  return lead >= 0xf0 && lead < 0xf5 ? 4 : 1;
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/** Draws code page 437 in UTF-8, piece by piece. */
export class Utf8Drawing {
  /** The start of a sequence whose rest is in the next piece. */
  #held: number[] = [];

  /** `bytes` as they are to be shown. */
  draw(bytes: Uint8Array): Uint8Array {
    const all = [...this.#held, ...bytes];
    this.#held = [];
    const parts: Buffer[] = [];
    for (let at = 0; at < all.length; ) {
      const size = sequenceSize(all[at]!);
      let found = 1;
      while (found < size && isContinuation(all[at + found])) found++;
      if (found < size && at + found === all.length) {
        this.#held = all.slice(at);
        break;
      }
      const sequence = Buffer.from(all.slice(at, at + size));
      const whole = size > 1 && isUtf8(sequence);
      parts.push(whole ? sequence : drawn(all[at]!));
      at += whole ? size : 1;
    }
    return Buffer.concat(parts);
  }

  /** What was held back: nothing follows. */
  end(): Uint8Array {
    const rest = Buffer.concat(this.#held.map(drawn));
    this.#held = [];
    return rest;
  }
}

function drawn(byte: number): Buffer {
  return byte < 0x80 ? Buffer.of(byte) : Buffer.from(HIGH_HALF[byte - 0x80]!);
}
