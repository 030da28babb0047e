// Arithmetic and comparison: the fast halves, which know integers. What else numbers and metamethods make of the
// operations is in run/metamethods.ts.

import { bOf, cOf } from "../../values/opcodes";
import { INTEGER, integerOf, setInteger, tagOf } from "../../values/value";

/** Operations on integers. */
// biome-ignore lint/complexity/noStaticOnlyClass: functions outside of classes can't be `inline` and be linted
export class Integers {
  /** Whether both values are integers. */
  @inline
  static are(x: usize, y: usize): bool {
    return tagOf(x) == INTEGER && tagOf(y) == INTEGER;
  }

  /** to = x % y, rounding down, where y is positive; false for other values. */
  @inline
  static modulo(x: usize, y: usize, to: usize): bool {
    if (!Integers.are(x, y) || integerOf(y) <= 0) return false;
    const rest = integerOf(x) % integerOf(y);
    setInteger(to, rest < 0 ? rest + integerOf(y) : rest);
    return true;
  }

  /** to = x // y, the same. */
  @inline
  static divide(x: usize, y: usize, to: usize): bool {
    if (!Integers.are(x, y) || integerOf(y) <= 0) return false;
    const quotient = integerOf(x) / integerOf(y);
    setInteger(to, integerOf(x) - quotient * integerOf(y) < 0 ? quotient - 1 : quotient);
    return true;
  }
}

/** How far the conditional jump at `i` goes when its comparison gave `truth`, in instructions. */
// biome-ignore lint/complexity/noStaticOnlyClass: functions outside of classes can't be `inline` and be linted
export class Jump {
  @inline
  static when(i: usize, truth: bool): i32 {
    return <i32>truth == bOf(i) >> 15 ? cOf(i) : 0;
  }
}
