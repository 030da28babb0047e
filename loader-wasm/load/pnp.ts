// Modules by what a device says of itself, as devmatch(8) finds them: linker.hints has tables of the devices that each
// module is for. A table has a bus and a format, of fields with a type, a colon, a name and a semicolon: I, J, G, L, M are
// numbers (equal; equal or -1; at least; at most; a mask of the fields that count), Z a text, D a description. A field T,
// at the end, isn't in the rows: it is a text that the device must mention.

import { Ascii } from "../lib/ascii";
import { burn } from "../lib/fault";
import { print } from "../lib/output";
import { hexAlternate, scanInteger } from "../lib/text";
import { Hints, MDT_MODULE, MDT_PNP_INFO, MDT_VERSION } from "./hints";
import { allHints } from "./search";

/** The kernel's own devices need no module. */
const KERNEL = "kernel";
/** Types of fields that are numbers. */
const NUMBERS = "IJGLM";
/** What a text that the device doesn't mention is. */
const MISSING = "MISSING";

/** A device that a module is looked for, and what is told on the way. */
export class PnpQuery {
  constructor(
    readonly bus: string,
    /** `name=value` by blanks. */
    readonly device: string,
    readonly verbose: bool,
    /** All tables are shown, and nothing is found. */
    readonly dump: bool,
  ) {}

  private tell(text: string): void {
    if (this.verbose) print(text);
  }

  /** The file of the module for it, along `module_path`; null when there is none. */
  search(): string | null {
    const all = allHints();
    for (let i = 0; i < all.length; i++) {
      const file = this.searchIn(all[i]);
      if (file !== null) return file;
    }
    return null;
  }

  private searchIn(hints: Hints): string | null {
    const tells = this.verbose || this.dump;
    let module: string | null = null;
    while (hints.next()) {
      if (hints.type == MDT_VERSION && tells) {
        const name = hints.text();
        const version = hints.number();
        print(`Version: if ${name}.${version} kmod ${hints.text()}\n`);
      } else if (hints.type == MDT_MODULE) {
        const name = hints.text();
        module = hints.text();
        if (tells) print(`module ${name} in ${name}\n`);
      } else if (hints.type == MDT_PNP_INFO && (this.dump || module === null || module != KERNEL)) {
        if (this.isInTable(hints, module)) return module;
      }
    }
    return null;
  }

  /** Whether the device is in the table of the record; all rows are looked at. */
  private isInTable(hints: Hints, module: string | null): bool {
    let bus = hints.text();
    const format = hints.text();
    const rows = hints.number();
    const file = module === null ? "(null)" : module;
    if (this.verbose || this.dump) print(`PNP info for bus ${bus} format ${format} ${rows} entries (${file})\n`);
    if (bus == "usb") {
      this.tell("Treating usb as uhub -- bug in source table still?\n");
      bus = "uhub";
    }
    if (bus != this.bus) {
      this.tell(`Skipped because table for bus ${bus}, looking for ${this.bus}\n`);
      return false;
    }
    let found = false;
    for (let i = 0; i < rows && !hints.cutOff; i++) {
      const before = hints.left;
      this.tell(`---------- Entry ${i} ----------\n`);
      if (this.dump) print("   ");
      const fits = this.isRow(hints, format);
      if (this.dump) {
        print("\n");
      } else if (fits && !hints.cutOff) {
        this.tell(`Matches --- ${file} ---\n`);
        found = true;
      }
      // Rows that have nothing are all the same.
      if (hints.left == before) break;
    }
    return found && module !== null;
  }

  /** Reads a row, and tells whether the device is the one in it. */
  private isRow(hints: Hints, format: string): bool {
    let fits = true;
    let mask = -1;
    let bit = -1;
    let at = 0;
    do {
      burn(1);
      const type = at < format.length ? format.charAt(at) : " ";
      const rest = format.substring(min(at + 2, format.length));
      if (NUMBERS.includes(type)) {
        const wanted = hints.number();
        if (this.dump) {
          print(`${hexAlternate(<u64>(<u32>wanted))}:`);
        } else if (bit < 0 || (mask & (1 << (bit & 31))) != 0) {
          const value = this.numberOf(rest);
          const values = `table=${hexAlternate(<u64>(<u32>value))} tomatch=${hexAlternate(<u64>(<u32>wanted))}`;
          this.tell(`Matching ${rest} (${type}) ${values}\n`);
          if (type == "M") mask = wanted;
          else if (!fieldFits(type, wanted, value)) fits = false;
        }
      } else if (type == "D" || type == "Z") {
        const wanted = hints.text();
        if (this.dump) print(`'${wanted}':`);
        else if (type == "Z" && this.textOf(rest) != wanted) fits = false;
      } else if (type == "T") {
        if (!this.dump && !this.mentions(rest.endsWith(";") ? rest.substring(0, rest.length - 1) : rest)) fits = false;
      } else {
        print(`Unknown field type ${type}\n:`);
      }
      bit++;
      const end = format.indexOf(";", at);
      at = end < 0 ? format.length : end + 1;
    } while (at < format.length);
    return fits;
  }

  /** Where the value of the field that `rest` begins with is in the device's text; -1 when it has none. */
  private valueAt(rest: string): i32 {
    const end = rest.indexOf(";");
    const key = `${end < 0 ? rest : rest.substring(0, end)}=`;
    if (this.device.startsWith(key)) return key.length;
    const at = this.device.indexOf(` ${key}`);
    return at < 0 ? -1 : at + 1 + key.length;
  }

  private numberOf(rest: string): i32 {
    const at = this.valueAt(rest);
    return at < 0 ? -1 : <i32>scanInteger(this.device.substring(at)).value;
  }

  private textOf(rest: string): string {
    const at = this.valueAt(rest);
    if (at < 0) return MISSING;
    const first = at < this.device.length ? this.device.charCodeAt(at) : 0;
    const quoted = first == Ascii.QUOTE || first == Ascii.APOSTROPHE;
    const start = quoted ? at + 1 : at;
    const end = this.device.indexOf(quoted ? String.fromCharCode(first) : " ", start);
    return this.device.substring(start, end < 0 ? this.device.length : end);
  }

  private mentions(text: string): bool {
    const at = this.device.indexOf(text);
    return at == 0 || (at > 0 && this.device.charCodeAt(at - 1) == Ascii.SPACE);
  }
}

/** Whether a field of `type` that is `wanted` in the table lets `value` pass. */
function fieldFits(type: string, wanted: i32, value: i32): bool {
  if (type == "G") return value >= wanted;
  if (type == "L") return value <= wanted;
  return (type == "J" && wanted == -1) || value == wanted;
}
