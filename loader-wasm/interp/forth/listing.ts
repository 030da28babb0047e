// The order in which WORDS shows the system's own words where their hash doesn't decide: words that share a
// chain stand there newest first, and the reference defines them in another order than words_*.ts do.

import { searchList, wordlists } from "./wordlists";

/** Whole chains, as they are shown. */
const CHAINS: string =
  "(constant) forget postpone drop [endif] locals| setenv add-parse-step over */ strcpy +! exit endof " +
  'fopen parse-word see-xt u< constant variable u> hold spaces source ! % false abort" (parse-step) ( ' +
  "(variable) + (;) pad <# - wordlist get-current mod / include x. source-id w@ .ver pick (2literal) : " +
  '(branch) body> < r.s 2variable = ." .# sprintf char > max fill key? move +loop [char] 2drop xemit ' +
  "previous fclose value :noname vocabulary objectify last-word then emit (loop) [ literal evaluate abs " +
  "?number dnegate \\ words ] 2over key create allot (@local0) fallthrough /mod nUser freaddir allocate " +
  "1- 0= hide exit-inner invert strcat hidden __tempbase 2* hash ficl-wordlist setenv? heap? [else] see " +
  "brand-wordlist dictincrease (?do) count (create) >body (link) recurse depth #> parse-order roll >r " +
  'cell- aligned strdup xor parse 2r> interpret c! ms strlen c" >in q@ cells else decimal 2swap fwrite ' +
  "state abort debug dictthreshold set within nip help empty seconds";

/** Puts the words of list `id` that are named above where WORDS looks for them: the last one is shown first. */
export function orderListing(id: i32): void {
  const names = CHAINS.split(" ");
  const words = wordlists[id - 1].words;
  for (let i = names.length - 1; i >= 0; i--) {
    const at = words.indexOf(searchList(id, names[i]));
    if (at >= 0) words.push(words.splice(at, 1)[0]);
  }
}
