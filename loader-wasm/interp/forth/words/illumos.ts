// What illumos' loader adds to FreeBSD's words, as far as its scripts use it: more prefixes, directories, and drawing on
// a framebuffer, of which there is none. It is there for guests of illumos only.

import { ISADIR, isIllumos } from "../../../boot/detection";
import { getenv, setDefault } from "../../../environment/variables";
import { close, open } from "../../../files/files";
import { O_RDONLY } from "../../../fs/file_system";
import { PURPOSE_SCRIPT } from "../../../protocol";
import { forth, primitive } from "../define";
import { growDictionary, popText } from "../memory";
import { pop, push, pushFlag } from "../stacks";
import { FORTH_WORDLIST, PREFIX_WORDLIST, setCurrent } from "../wordlists";
import { isDirectory, nextEntry } from "./files";

/** Cells of its dictionary, which is twice FreeBSD's. */
const DICTIONARY_CELLS: i32 = 30000;

/** Defines it when the guest is one of illumos. */
export function defineIllumos(): void {
  if (!isIllumos()) return;
  setDefault("ISADIR", ISADIR);
  const columns = getenv("COLUMNS");
  const lines = getenv("LINES");
  // Scripts know what to take when nothing is said; LINES is there always.
  if (columns !== null && lines !== null) {
    setDefault("screen-#cols", columns);
    setDefault("screen-#rows", lines);
  }
  setCurrent(PREFIX_WORDLIST);
  forth(': " postpone s" ; immediate : .( postpone .( ; immediate');
  forth(": 0b 2 __tempbase ; immediate : 0o 8 __tempbase ; immediate : $ 16 __tempbase ; immediate");
  forth(": // postpone \\ ; immediate : \\ postpone \\ ; immediate");
  setCurrent(FORTH_WORDLIST);

  // ( path size -- fd true | false )
  primitive("fopendir", 2, 2, () => {
    const name = popText();
    if (name === null) return;
    const fd = open(name, O_RDONLY, PURPOSE_SCRIPT);
    const found = isDirectory(fd);
    if (found) push(fd);
    else if (fd >= 0) close(fd);
    pushFlag(found);
  });
  primitive("freaddir", 1, 3, () => nextEntry(<i32>pop(), true));
  primitive("fclosedir", 1, 0, () => {
    close(<i32>pop());
  });
  // ( flags x1 y1 x2 y2 path size -- drawn? )
  primitive("fb-putimage", 7, 1, () => {
    for (let i = 0; i < 7; i++) pop();
    pushFlag(false);
  });
  // ( x1 y1 x2 y2 -- )
  primitive("term-drawrect", 4, 0, () => {
    for (let i = 0; i < 4; i++) pop();
  });
  growDictionary(DICTIONARY_CELLS);
}
