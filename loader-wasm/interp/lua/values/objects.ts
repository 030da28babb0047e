// Objects of the Lua VM as they lie in module memory. The classes are layouts: none is ever made with `new`; an
// address that the heap gave becomes one by `changetype`, and a field is a load or a store with a constant offset.

import { VALUE_SHIFT, VALUE_SIZE } from "./value";

/** What every object that is collected begins with. Two bytes of its own follow, then the rest. */
@unmanaged
export class LuaObject {
  /** The object made before this one. */
  next: LuaObject | null;
  /** Its tag. */
  kind: u8;
  /** 0: not reached in this round of the collector, 1: reached, PINNED: never collected. */
  mark: u8;

  @inline
  get address(): usize {
    return changetype<usize>(this);
  }

  /** That of the value at `at`. */
  @inline
  static of(at: usize): LuaObject {
    return changetype<LuaObject>(load<usize>(at));
  }
}

/** A string: this, its bytes, a NUL. */
@unmanaged
export class LuaString extends LuaObject {
  /** Short ones: number of the reserved word that it is, or 0. Long ones: 1 when the hash is known. */
  note: u8;
  hash: u32;
  /** In bytes. */
  length: u32;
  /** Address of the next string of the same bucket; 0: none. */
  chain: usize;

  /** The one at `address`. */
  @inline
  static at(address: usize): LuaString {
    return changetype<LuaString>(address);
  }
}
/** Where a string's bytes begin. */
export const STRING_BYTES: usize = offsetof<LuaString>();

/** What can have a metatable of its own. */
@unmanaged
export class MetaObject extends LuaObject {
  /** Tables, one bit an event: metamethods that this table, as a metatable, is known not to have. */
  absent: u8;
  /** FINALIZABLE, HIDDEN. */
  flags: u8;
}
/** Bit in `flags` of a metatable: `getmetatable` doesn't tell about it. */
export const HIDDEN: u8 = 1;
/** Bit in `flags`: the metatable has a `__gc` that is still to be called. */
export const FINALIZABLE: u8 = 2;

/** A table; its header is values/table.ts. */
@unmanaged
export class Table extends MetaObject {
  /** The array part: values of the keys 1 to `arraySize`. */
  array: usize;
  arraySize: u32;
  /** The hash part: nodes, whose number is a power of 2. Tables without any share an empty one. */
  nodes: Node;
  /** Number of nodes less one. */
  mask: u32;
  /** Nodes from here on are taken. */
  free: Node;
  /** The metatable. */
  meta: Table | null;

  /** That of the value at `at`. */
  @inline
  static of(at: usize): Table {
    return changetype<Table>(load<usize>(at));
  }

  /** Address of the value of key `index` + 1, which is in the array part. */
  @inline
  item(index: usize): usize {
    return this.array + (index << VALUE_SHIFT);
  }

  /** Node `index`. */
  @inline
  node(index: u32): Node {
    return changetype<Node>(changetype<usize>(this.nodes) + ((<usize>index) << NODE_SHIFT));
  }
}
/** Bytes of a table, without what it points to. */
export const TABLE_SIZE: usize = offsetof<Table>();

/** A node of a table's hash part. It begins with the entry's value, whose address is the node's. */
@unmanaged
export class Node {
  payload: i64;
  /** The value's tag. NIL: no entry; the key stays, as `next` may be asked for what follows it. */
  tag: u32;
  /** Distance in bytes to the next node of the chain; 0: none. */
  next: i32;
  /** The key, a value, too. */
  key: i64;
  keyTag: u32;
  /** Makes the size a power of 2. */
  spare: u32;

  /** Address of the entry's value. */
  @inline
  get value(): usize {
    return changetype<usize>(this);
  }

  /** Address of the key. */
  @inline
  get keyAt(): usize {
    return changetype<usize>(this) + offsetof<Node>("key");
  }

  /** The key's object, when its tag is from STRING on. */
  @inline
  get keyObject(): usize {
    return load<usize>(changetype<usize>(this), offsetof<Node>("key"));
  }

  /** The next node of the chain, which there must be. */
  @inline
  get following(): Node {
    return changetype<Node>(changetype<usize>(this) + <usize>this.next);
  }

  /** The node after this one in memory. */
  @inline
  get neighbour(): Node {
    return changetype<Node>(changetype<usize>(this) + NODE_SIZE);
  }

  /** Makes `node` the next one of the chain. */
  @inline
  chain(node: Node): void {
    this.next = <i32>(changetype<usize>(node) - changetype<usize>(this));
  }
}
/** Bytes of a node, */
export const NODE_SIZE: usize = offsetof<Node>();
/** and their logarithm. */
export const NODE_SHIFT: usize = 5;

/** A Lua function with its upvalues, whose addresses follow. */
@unmanaged
export class Closure extends LuaObject {
  proto: Prototype;
  /** Number of upvalues. */
  count: u32;

  /** That of the value at `at`. */
  @inline
  static of(at: usize): Closure {
    return changetype<Closure>(load<usize>(at));
  }

  /** Upvalue `index`. */
  @inline
  upvalue(index: usize): Upvalue {
    return changetype<Upvalue>(load<usize>(changetype<usize>(this) + (index << 2), offsetof<Closure>()));
  }

  /** Sets upvalue `index`. */
  @inline
  setUpvalue(index: usize, upvalue: Upvalue): void {
    store<usize>(changetype<usize>(this) + (index << 2), changetype<usize>(upvalue), offsetof<Closure>());
  }
}

/** Bytes of a closure with `count` upvalues. */
export function closureSize(count: u32): usize {
  return offsetof<Closure>() + ((<usize>count) << 2);
}

/** A function of the core with values of its own, which follow. */
@unmanaged
export class BuiltinClosure extends LuaObject {
  /** Index of the function in the table of functions. */
  index: u32;
  /** Number of values. */
  count: u32;

  /** That of the value at `at`. */
  @inline
  static of(at: usize): BuiltinClosure {
    return changetype<BuiltinClosure>(load<usize>(at));
  }

  /** Address of value `index`. */
  @inline
  item(index: usize): usize {
    return changetype<usize>(this) + BUILTIN_VALUES + (index << VALUE_SHIFT);
  }
}
const BUILTIN_VALUES: usize = offsetof<BuiltinClosure>();

/** Bytes of such a closure with `count` values. */
export function builtinSize(count: u32): usize {
  return BUILTIN_VALUES + ((<usize>count) << VALUE_SHIFT);
}

/** A variable that closures share. */
@unmanaged
export class Upvalue extends LuaObject {
  /** Address of its value: on the stack while the upvalue is open, later that of the value of its own. */
  at: usize;
  /** Next open upvalue, further down the stack. */
  link: Upvalue | null;

  /** Address of the value of its own. */
  @inline
  get own(): usize {
    return changetype<usize>(this) + offsetof<Upvalue>();
  }
}
/** Bytes of an upvalue with the value of its own. */
export const UPVALUE_SIZE: usize = offsetof<Upvalue>() + VALUE_SIZE;

/** A file, a directory, a digest: `length` bytes of the core's follow. */
@unmanaged
export class Userdata extends MetaObject {
  /** The metatable. */
  meta: Table | null;
  length: u32;

  /** That of the value at `at`. */
  @inline
  static of(at: usize): Userdata {
    return changetype<Userdata>(load<usize>(at));
  }
}
/** Where its bytes begin. */
export const USERDATA_BYTES: usize = offsetof<Userdata>();

/** What the compiler makes of a function's text. */
@unmanaged
export class Prototype extends LuaObject {
  /** Instructions. */
  code: usize;
  codeCount: u32;
  constants: usize;
  constantCount: u32;
  /** Prototypes of the functions inside. */
  protos: usize;
  protoCount: u32;
  /** An UpvalueOrigin each. */
  upvalues: usize;
  upvalueCount: u32;
  /** Line of each instruction (i32). */
  lines: usize;
  /** A LocalVariable each, in the order in which they begin. */
  locals: usize;
  localCount: u32;
  parameters: u8;
  /** Whether it takes more arguments (0 or 1). */
  isVararg: u8;
  /** Registers that it needs. */
  registers: u8;
  firstLine: u32;
  lastLine: u32;
  /** Name of the chunk (string). */
  source: usize;

  /** Address of constant `index`. */
  @inline
  constant(index: usize): usize {
    return this.constants + (index << VALUE_SHIFT);
  }

  /** Prototype `index` of the functions inside. */
  @inline
  inner(index: usize): Prototype {
    return changetype<Prototype>(load<usize>(this.protos + (index << 2)));
  }

  /** Where upvalue `index` comes from. */
  @inline
  origin(index: usize): UpvalueOrigin {
    return changetype<UpvalueOrigin>(this.upvalues + index * ORIGIN_SIZE);
  }

  /** Local variable `index`. */
  @inline
  local(index: usize): LocalVariable {
    return changetype<LocalVariable>(this.locals + index * LOCAL_SIZE);
  }
}
/** Bytes of a prototype, without what it points to. */
export const PROTOTYPE_SIZE: usize = offsetof<Prototype>();

/** Where a function finds an upvalue when a closure of it is made. */
@unmanaged
export class UpvalueOrigin {
  /** Its name (string); 0: none. */
  name: usize;
  /** 1: register `number` of the enclosing function, 0: upvalue `number` of it. */
  isRegister: u8;
  number: u8;
  /** The variable's attribute, for the compiler. */
  attribute: u8;
  spare: u8;
}
/** Bytes of an origin. */
export const ORIGIN_SIZE: usize = offsetof<UpvalueOrigin>();

/** A local variable of a prototype. */
@unmanaged
export class LocalVariable {
  /** String. */
  name: usize;
  /** First instruction in which it lives, and the one after the last. */
  first: i32;
  last: i32;
}
/** Bytes of a record. */
export const LOCAL_SIZE: usize = offsetof<LocalVariable>();

/** One per function that runs (Lua's CallInfo). */
@unmanaged
export class Frame {
  /** Address of the function on the stack. */
  callee: usize;
  /** Address of its first register, or of its first argument. */
  base: usize;
  /** End of its registers. */
  top: usize;
  /** Next instruction; kept here while the VM is elsewhere. */
  pc: usize;
  /** Results wanted; MANY: all. */
  wanted: i32;
  /** IS_LUA and the others of run/state.ts. */
  status: u32;

  @inline
  get address(): usize {
    return changetype<usize>(this);
  }

  /** The Lua function. */
  @inline
  get closure(): Closure {
    return Closure.of(this.callee);
  }

  /** The frame of whoever called. */
  @inline
  get caller(): Frame {
    return changetype<Frame>(changetype<usize>(this) - FRAME_SIZE);
  }
}
/** Bytes of a frame. */
export const FRAME_SIZE: usize = offsetof<Frame>();
