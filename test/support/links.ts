// The links of pages in Markdown, and the places in such pages that links lead to.

import { posix } from "node:path";

/** A link to something in the repository: the file's path in it (a folder's without a slash at its end), and the heading. */
export interface Link {
  text: string;
  file: string;
  heading?: string | undefined;
}

const BLOCKS = /^ *```.*?^ *```$/gms;

/** Examples of code in `page` left out: what looks like a link there is none. */
const withoutCode = (page: string) =>
  page.replace(BLOCKS, "").replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]]/g, ""));

/** The links of the page at `path` that lead into the repository. */
export function linksOf(path: string, page: string): Link[] {
  return [...withoutCode(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((text) => {
      const [file = "", heading] = text.split("#");
      const target = file === "" ? path : posix.join(posix.dirname(path), file).replace(/\/$/, "");
      return { text, file: target, heading };
    });
}

/** The names by which links lead to the headings of a page, as GitHub makes them. */
export function headingsOf(page: string): Set<string> {
  const found = new Map<string, number>();
  const names = new Set<string>();
  for (const [, heading] of page.replace(BLOCKS, "").matchAll(/^#+ (.*)$/gm)) {
    const name = heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replace(/ /g, "-");
    const before = found.get(name) ?? 0;
    found.set(name, before + 1);
    names.add(before === 0 ? name : `${name}-${before}`);
  }
  return names;
}
