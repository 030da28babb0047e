// Names in UTF-16, as FAT's long names and exFAT's are, beside the loader's byte strings, which are taken to be UTF-8. They
// are compared without regard to case: FAT's as to ASCII letters, exFAT's by the volume's own table.

import { toUpper } from "../../lib/text";
import { NAME_MAX } from "./layout";

/** A name, or room for one. */
export class Name {
  readonly characters: StaticArray<u16> = new StaticArray<u16>(NAME_MAX);
  length: i32 = 0;

  /** Its bytes; halves of a pair that has no other half get three, too. */
  text(): string {
    let text = "";
    for (let i = 0; i < this.length; i++) {
      let code = <i32>this.characters[i];
      const low = i + 1 < this.length ? <i32>this.characters[i + 1] : 0;
      if ((code & 0xfc00) == 0xd800 && (low & 0xfc00) == 0xdc00) {
        code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
        i++;
      }
      if (code < 0x80) {
        text += String.fromCharCode(code);
        continue;
      }
      const more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
      text += String.fromCharCode(((0xf00 >> (more + 1)) & 0xff) | (code >> (6 * more)));
      for (let k = more - 1; k >= 0; k--) text += String.fromCharCode(0x80 | ((code >> (6 * k)) & 0x3f));
    }
    return text;
  }

  private push(character: i32): bool {
    if (this.length == NAME_MAX) return false;
    this.characters[this.length++] = <u16>character;
    return true;
  }

  /** The name with the bytes of `text`; null when that is no UTF-8, or too long. */
  static of(text: string): Name | null {
    const name = new Name();
    for (let i = 0; i < text.length; i++) {
      let code = text.charCodeAt(i);
      const more = code < 0x80 ? 0 : code < 0xc0 ? -1 : code < 0xe0 ? 1 : code < 0xf0 ? 2 : code < 0xf8 ? 3 : -1;
      if (more < 0 || i + more >= text.length) return null;
      if (more > 0) code &= 0x3f >> more;
      for (let k = 0; k < more; k++) {
        const next = text.charCodeAt(++i);
        if ((next & 0xc0) != 0x80) return null;
        code = (code << 6) | (next & 0x3f);
      }
      if (code > 0x10ffff) return null;
      if (code < 0x10000) {
        if (!name.push(code)) return null;
      } else if (!name.push(0xd800 | ((code - 0x10000) >> 10)) || !name.push(0xdc00 | (code & 0x3ff))) {
        return null;
      }
    }
    return name;
  }
}

/** How a volume tells capitals: with a table of 65536 characters at `table`, or ASCII's. */
export class Folding {
  constructor(readonly table: usize = 0) {}

  private fold(character: u16): u16 {
    return this.table != 0 ? load<u16>(this.table + ((<usize>character) << 1)) : <u16>toUpper(character);
  }

  /** Whether two names differ in nothing but case. */
  same(a: Name, b: Name): bool {
    if (a.length != b.length) return false;
    for (let i = 0; i < a.length; i++) if (this.fold(a.characters[i]) != this.fold(b.characters[i])) return false;
    return true;
  }

  /** The hash that exFAT keeps of a name, so that most others needn't be read. */
  hash(name: Name): u16 {
    let hash: u16 = 0;
    for (let i = 0; i < name.length; i++) {
      const character = this.fold(name.characters[i]);
      hash = rotr<u16>(hash, 1) + (character & 0xff);
      hash = rotr<u16>(hash, 1) + (character >> 8);
    }
    return hash;
  }
}
