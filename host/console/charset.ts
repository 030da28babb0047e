// What bytes of the guest's console a terminal is shown as. Menus of FreeBSD's scripts draw frames with the characters
// of IBM's code page 437, as a PC's screen has them; a terminal that takes UTF-8 shows nothing sensible for such bytes.
// Text that is UTF-8 already, as newer scripts draw their frames, stays as it is. The command line's terminal and the page's
// (element/) are shown what it makes.

/** Characters 0x80 to 0xff of code page 437. */
const HIGH_HALF =
  "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧" +
  "╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0";

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
    const shown: number[] = [];
    for (let at = 0; at < all.length; ) {
      const size = sequenceSize(all[at]!);
      let found = 1;
      while (found < size && isContinuation(all[at + found])) found++;
      if (found < size && at + found === all.length) {
        this.#held = all.slice(at);
        break;
      }
      const sequence = all.slice(at, at + size);
      const whole = size > 1 && isUtf8(sequence);
      shown.push(...(whole ? sequence : drawn(all[at]!)));
      at += whole ? size : 1;
    }
    return Uint8Array.from(shown);
  }

  /** What was held back: nothing follows. */
  end(): Uint8Array {
    const rest = Uint8Array.from(this.#held.flatMap((byte) => [...drawn(byte)]));
    this.#held = [];
    return rest;
  }
}

/** Least and most of the second byte behind those that begin sequences of which not all are characters (Unicode, table 3-7). */
const SECOND: ReadonlyMap<number, readonly [least: number, most: number]> = new Map([
  [0xe0, [0xa0, 0xbf]],
  [0xed, [0x80, 0x9f]],
  [0xf0, [0x90, 0xbf]],
  [0xf4, [0x80, 0x8f]],
]);

/** Whether a sequence is a character. A decoder would throw for each that isn't, which a page feels when there are thousands. */
function isUtf8([lead = 0, ...rest]: readonly number[]): boolean {
  const [least, most] = SECOND.get(lead) ?? [0x80, 0xbf];
  const second = rest[0] ?? 0;
  return rest.length + 1 === sequenceSize(lead) && rest.every(isContinuation) && second >= least && second <= most;
}

const encoder = new TextEncoder();
const DRAWN = [...HIGH_HALF].map((character) => encoder.encode(character));

const drawn = (byte: number): ArrayLike<number> & Iterable<number> => (byte < 0x80 ? [byte] : DRAWN[byte - 0x80]!);
