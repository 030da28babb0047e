// Words on the loader's variables, guest memory and preloaded files.

import { getenvAt, setDefault, setenv, setenvAt, unsetenvAt } from "../../../environment/variables";
import { compareBytesAt, stringAt } from "../../../lib/bytes";
import { findFile } from "../../../load/preloaded";
import { copyin, copyout } from "../../../protocol";
import { primitive } from "../define";
import { allocateBlock, freeBlock } from "../heap";
import { placeText, popRange, popText, readable, textAt, textSize, writable } from "../memory";
import { fail, pop, push } from "../stacks";

/** Copies of variables' values that scripts were given, by name: a value stays where it is until it changes. */
const values: Map<string, usize> = new Map<string, usize>();

/** Pushes `value`, of the variable `name` or what else goes by that name, as a text. */
export function pushValue(name: string, value: string): void {
  if (values.has(name)) {
    const old = values.get(name);
    if (compareBytesAt(value, old, value.length) == 0 && load<u8>(old + <usize>value.length) == 0) {
      push(<i64>old);
      push(value.length);
      return;
    }
    freeBlock(old);
    values.delete(name);
  }
  const block = allocateBlock(value.length + 1);
  if (block == 0) {
    fail("Error: out of memory");
    return;
  }
  placeText(block, value);
  values.set(name, block);
  push(<i64>block);
  push(value.length);
}

/** Defines the words on variables, guest memory and preloaded files. */
export function defineEnvironment(): void {
  primitive("setenv", 4, 0, () => {
    if (!popRange()) return;
    const name = textAt;
    const size = textSize;
    const value = popText();
    if (value !== null) setenvAt(name, size, value);
  });
  primitive("setenv?", 5, 0, () => {
    const overwrite = pop();
    const name = popText();
    if (name === null) return;
    const value = popText();
    if (value === null) return;
    if (overwrite != 0) setenv(name, value);
    else setDefault(name, value);
  });
  primitive("getenv", 2, 2, () => {
    if (!popRange()) return;
    const value = getenvAt(textAt, textSize);
    if (value === null) push(-1);
    else pushValue(stringAt(textAt, textSize), value);
  });
  primitive("unsetenv", 2, 0, () => {
    if (popRange()) unsetenvAt(textAt, textSize);
  });
  primitive("copyin", 3, 0, () => {
    const size = pop();
    const to = pop();
    const from = pop();
    if (size > 0 && readable(from, size)) copyin(<usize>from, <u64>to, <u32>size);
  });
  primitive("copyout", 3, 0, () => {
    const size = pop();
    const to = pop();
    const from = pop();
    if (size > 0 && writable(to, size)) copyout(<u64>from, <usize>to, <u32>size);
  });
  primitive("findfile", 4, 1, () => {
    const type = popText();
    if (type === null) return;
    const name = popText();
    if (name !== null) push(findFile(name, type) === null ? 0 : 1);
  });
  primitive("ccall", 2, 1, () => fail("Error: ccall is not available"));
}
