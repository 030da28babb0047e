// The words that compiled code is made of, besides those that scripts name: what definitions, control structures and
// literals compile.

import { Op } from "../codes";
import { fast, hot, primitive } from "../define";
import { align, appendCell, appendWord, latest } from "../dictionary";
import { Header, isWord, setCode } from "../header";
import { here } from "../memory";
import { CELL, INNER_EXIT, ip, popReturn, push, setIp, throwCode } from "../stacks";
import { setStopCell } from "../vm/execute";
import { current } from "../wordlists";

function skipText(): usize {
  const at = ip;
  setIp((ip + <usize>load<u8>(ip) + 2 + 7) & ~(<usize>7));
  return at;
}

/** Defines what compiled code is made of. */
export function defineCompiled(): void {
  hot("(literal)", Op.LITERAL);
  hot("(branch)", Op.BRANCH);
  hot("(branch0)", Op.BRANCH_ZERO);
  hot("(loop)", Op.LOOP);
  hot("(;)", Op.EXIT);
  // What ends `execute` has no name; a script that wants to end it can throw the code.
  align();
  const stop = appendWord(current, "", Op.EXIT_INNER, 0);
  setStopCell(here);
  appendCell(<i64>stop);
  primitive("exit-inner", 0, 0, () => throwCode(INNER_EXIT));
  primitive(
    "(2literal)",
    0,
    2,
    () => {
      push(load<i64>(ip, CELL));
      push(load<i64>(ip));
      setIp(ip + 2 * CELL);
    },
    true,
  );
  hot("(do)", Op.DO);
  hot("(?do)", Op.QUESTION_DO);
  hot("(+loop)", Op.PLUS_LOOP);
  fast("(of)", Op.OF);
  hot('(.")', Op.TEXT);
  primitive('(c")', 0, 1, () => push(<i64>skipText()), true);
  primitive(
    "(does>)",
    0,
    0,
    () => {
      if (!isWord(latest)) return;
      setCode(latest, Op.DOES);
      changetype<Header>(latest).first = <i64>ip;
      setIp(<usize>popReturn());
    },
    true,
  );
  hot("leave", Op.LEAVE);
  hot("unloop", Op.UNLOOP);
}
