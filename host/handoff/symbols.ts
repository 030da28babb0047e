// The kernel's symbols as an ELF without content, to go with a core: the loader has put the symbol and
// string tables behind the kernel, each after its size. The guest wrote them; they are copied, not believed.

import { HandoffError } from "../errors.js";
import {
  EM_386,
  EM_X86_64,
  ET_EXEC,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHT_NOBITS,
  SHT_STRTAB,
  SHT_SYMTAB,
  writeElf,
} from "./elf.js";
import { KERNBASE, type Machine } from "./machine.js";

/** By machine: bytes of a size and of a symbol, and where in that are type with binding, and section number. */
const LAYOUT = {
  amd64: { word: 8, symbol: 24, info: 4, section: 6 },
  i386: { word: 4, symbol: 16, info: 12, section: 14 },
};
/** Section numbers from here on have meanings of their own (absolute, common). */
const SHN_LORESERVE = 0xff00;
const STB_LOCAL = 0;
const TEXT = 1;
const STRINGS = 3;

/**
 * The symbols of `machine`'s kernel as an ELF file.
 * @throws HandoffError when there are none, or their tables are damaged
 */
export function packSymbols({ arch, kernel, registers }: Machine): Uint8Array<ArrayBuffer> {
  if (!kernel?.symbols) throw new HandoffError("the kernel was loaded without symbols");
  const { word, symbol, info, section } = LAYOUT[arch];
  const { bytes } = kernel.symbols;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const table = (at: number): Uint8Array => {
    const size = at + word <= bytes.length ? view.getUint32(at, true) : 0;
    if (size === 0 || size > bytes.length - at - word) throw new HandoffError("the kernel's symbols are damaged");
    return bytes.slice(at + word, at + word + size);
  };
  const symbols = table(0);
  const strings = table(Math.ceil((word + symbols.length) / word) * word);

  // The kernel's sections are not here; all that lies in one of them is now in .text.
  const entries = new DataView(symbols.buffer);
  let locals = 1;
  for (let at = 0; at + symbol <= symbols.length; at += symbol) {
    const number = entries.getUint16(at + section, true);
    if (entries.getUint8(at + info) >> 4 === STB_LOCAL) locals = at / symbol + 1;
    if (number !== 0 && number < SHN_LORESERVE) entries.setUint16(at + section, TEXT, true);
  }
  return writeElf({
    bits: arch === "amd64" ? 64 : 32,
    type: ET_EXEC,
    machine: arch === "amd64" ? EM_X86_64 : EM_386,
    entry: registers.rip,
    segments: [],
    sections: [
      {
        ...{ name: ".text", type: SHT_NOBITS, flags: SHF_ALLOC | SHF_EXECINSTR },
        ...{ addr: KERNBASE[arch] + BigInt(kernel.gpa), bytes: new Uint8Array(), size: kernel.size },
      },
      {
        ...{ name: ".symtab", type: SHT_SYMTAB, flags: 0, addr: 0n, bytes: symbols },
        ...{ link: STRINGS, info: locals, entrySize: symbol },
      },
      { name: ".strtab", type: SHT_STRTAB, flags: 0, addr: 0n, bytes: strings },
    ],
  });
}
