// The search order word set, and word lists with names.

import { cstringSize, stringAt } from "../../../lib/bytes";
import { print } from "../../../lib/output";
import { colon, forth, loose, primitive } from "../define";
import { align, latest, room } from "../dictionary";
import { FLAG_IMMEDIATE, flagsOf, Header, isWord } from "../header";
import { here, MEMORY_PAGE_SHIFT, popText, setHere } from "../memory";
import { CELL, fail, looseCheck, pop, push, thrown } from "../stacks";
import {
  current,
  FORTH_WORDLIST,
  HIDDEN_WORDLIST,
  makeWordlist,
  resetSearchOrder,
  SEARCH_LIMIT,
  searchList,
  searchOrder,
  setCurrent,
  setSearchOrder,
  Wordlist,
  wordlistOf,
  wordlists,
} from "../wordlists";

/** Longest name of a word list that is shown. */
const LIST_NAME_LIMIT: i32 = 255;

/** Bytes of the name of `list`, which scripts may have put anywhere. */
function sizeOfName(list: Wordlist): i32 {
  const end = (<i64>memory.size()) << MEMORY_PAGE_SHIFT;
  if (list.nameAt <= 0 || list.nameAt >= end - <i64>LIST_NAME_LIMIT) return 0;
  return cstringSize(<usize>list.nameAt, LIST_NAME_LIMIT);
}

/** Makes a word list with `buckets` chains, which take room in the dictionary. */
function newWordlist(buckets: i64): void {
  align();
  if (buckets < 1 || buckets > MAX_BUCKETS || !room((buckets + 3) * CELL)) {
    if (thrown == 0) fail("Error: dictionary full");
    return;
  }
  setHere(here + <usize>(buckets + 3) * CELL);
  push(makeWordlist(0, <i32>buckets));
}
const MAX_BUCKETS: i64 = 65536;

/** What is searched, and where definitions go. */
export function defineSearchOrder(): void {
  primitive("forth-wordlist", 0, 1, () => push(FORTH_WORDLIST));
  primitive("ficl-wordlist", 1, 1, () => newWordlist(pop()));
  primitive("wordlist", 0, 1, () => newWordlist(1));
  primitive("get-current", 0, 1, () => push(current));
  loose("set-current", 1, 0, () => {
    const list = wordlistOf(pop());
    if (list !== null) setCurrent(list.id);
  });
  primitive("ficl-set-current", 1, 1, () => {
    const before = current;
    const list = wordlistOf(pop());
    if (list === null) return;
    setCurrent(list.id);
    push(before);
  });
  primitive("definitions", 0, 0, () => {
    if (searchOrder.length == 0) fail("DEFINITIONS error - empty search order");
    else setCurrent(searchOrder[searchOrder.length - 1]);
  });
  primitive("get-order", 0, 20, () => {
    for (let i = 0; i < searchOrder.length; i++) push(searchOrder[i]);
    push(searchOrder.length);
  });
  loose("set-order", 1, 0, () => {
    const count = pop();
    if (count < 0) {
      resetSearchOrder();
      return;
    }
    if (count > SEARCH_LIMIT) {
      fail("set-order error: list would be too large");
      return;
    }
    if (!looseCheck(<i32>count)) return;
    const order: i32[] = [];
    for (let i = 0; i < <i32>count; i++) {
      const list = wordlistOf(pop());
      if (list === null) return;
      order.unshift(list.id);
    }
    setSearchOrder(order);
  });
  loose(">search", 1, 0, () => {
    const list = wordlistOf(pop());
    if (list === null) return;
    if (searchOrder.length == SEARCH_LIMIT) fail(">search error: search order overflow");
    else searchOrder.push(list.id);
  });
  primitive("search>", 0, 1, () => {
    if (searchOrder.length == 0) fail("search> error: empty search order");
    else push(searchOrder.pop());
  });
  loose("search-wordlist", 3, 2, () => {
    const list = wordlistOf(pop());
    if (list === null) return;
    const name = popText();
    if (name === null) return;
    const xt = searchList(list.id, name);
    if (xt == 0) {
      push(0);
      return;
    }
    push(<i64>xt);
    push((flagsOf(xt) & FLAG_IMMEDIATE) != 0 ? 1 : -1);
  });
}

/** Names and parents of word lists, and vocabularies. */
export function defineVocabularies(): void {
  loose("wid-get-name", 1, 2, () => {
    const list = wordlistOf(pop());
    if (list === null) return;
    push(list.nameAt);
    push(sizeOfName(list));
  });
  loose("wid-set-name", 2, 0, () => {
    const address = pop();
    const id = pop();
    // The reference writes to whatever it is given.
    if (id > 0 && id <= wordlists.length) wordlists[<i32>id - 1].nameAt = address;
  });
  primitive("wid-set-super", 2, 0, () => {
    const child = wordlistOf(pop());
    const parent = pop();
    if (child !== null && parent >= 0 && parent <= wordlists.length) child.parent = <i32>parent;
  });
  primitive("last-word", 0, 1, () => push(<i64>latest));
  primitive(">name", 1, 2, () => {
    const xt = <usize>pop();
    if (!isWord(xt)) {
      fail("Error: not an execution token");
      return;
    }
    push(<i64>changetype<Header>(xt).name);
    push(changetype<Header>(xt).length);
  });
  colon("previous", "search> drop");
  colon("also", "search> dup >search >search");
  colon("forth", "search> drop forth-wordlist >search");
  colon("only", "-1 set-order");
  primitive("brand-wordlist", 1, 0, () => {
    const list = wordlistOf(pop());
    if (list !== null && isWord(latest)) list.nameAt = <i64>changetype<Header>(latest).name;
  });
  colon("ficl-named-wordlist", "ficl-wordlist create dup , brand-wordlist does> @");
  colon("do-vocabulary", "does> @ search> drop >search");
  colon("ficl-vocabulary", "ficl-named-wordlist do-vocabulary");
  colon("vocabulary", "1 ficl-vocabulary");
  forth("1 ficl-named-wordlist hidden");
  colon("hide", "hidden dup >search ficl-set-current");
  setCurrent(HIDDEN_WORDLIST);
  primitive("list-wid", 1, 0, () => {
    const list = wordlistOf(pop());
    if (list === null) return;
    if (list.nameAt == 0) print(`(unnamed wid) ${list.id} \n`);
    else print(`${stringAt(<usize>list.nameAt, sizeOfName(list))}\n`);
  });
  setCurrent(FORTH_WORDLIST);
  forth("hidden >search");
  forth(': order ." Search:" cr get-order 0 ?do 3 spaces list-wid loop cr ." Compile: " get-current list-wid cr ;');
  forth("previous");
}
