// The walk along a path, name by name and through symbolic links, for file systems that have them. What a step is, the
// file system says: N is what it knows a file by.

import { Ascii } from "../lib/ascii";
import { ENOENT, errno } from "../lib/errno";
import { burn } from "../lib/fault";
import { arriveAt, redirects, watchesLinks } from "./overlay";

/** Fuel for one name of a path, besides that for what is left of the path. */
const COMPONENT_COST: i64 = 16;

/**
 * Whether there may be a file whose path is the one that the last walk didn't find and goes on with a dot, such as that of a
 * compressed file. False only when that is known.
 */
export let extensible: bool = true;
/** Whether in the directory that was searched last, names go on so from the one that isn't there. */
let extended: bool = true;

/** What a search through all of a directory for a name that isn't there saw. */
export function searched(sawExtended: bool): void {
  extended = sawExtended;
}

/** Takes `extensible` for unknown, until a walk tells. */
export function forgetExtensible(): void {
  extensible = true;
}

/** One walk, or several on the same file system. */
export abstract class PathWalk<N> {
  /** The root directory; null and errno. */
  abstract root(): N | null;

  /** What is called `name` in `directory`, which need not be one; null and errno. */
  abstract step(directory: N, name: string): N | null;

  // File systems without links leave the rest as it is.

  /** Whether `node` is a symbolic link. */
  isLink(_node: N): bool {
    return false;
  }

  /** The text of `link`, if with `rest` characters behind it it is short enough; null and errno. */
  linkText(_link: N, _rest: i32): string | null {
    return null;
  }

  /** Reports that there are too many links on the way through `path`, of which `link` is the last; sets errno. */
  tooManyLinks(_link: N, _path: string): void {}

  /** What `path` names, after at most `linksMax` links; null and errno, or when a link leads to something laid over. */
  walk(path: string, linksMax: i32 = 0): N | null {
    const watched = watchesLinks();
    extensible = true;
    // The way without links from the root to `node`, when somebody wants to know.
    let way = "";
    let rest = path;
    let links = 0;
    let node = this.root();
    while (node !== null) {
      burn(COMPONENT_COST + <i64>(rest.length >> 4));
      let start = 0;
      while (start < rest.length && rest.charCodeAt(start) == Ascii.SLASH) start++;
      if (start == rest.length) {
        if (watched) arriveAt(way);
        return node;
      }
      const slash = rest.indexOf("/", start);
      const end = slash < 0 ? rest.length : slash;
      const directory = node;
      const name = rest.substring(start, end);
      extended = true;
      node = this.step(directory, name);
      rest = rest.substring(end);
      // Behind a link, the path that goes on is another one.
      if (node === null && links == 0 && errno == ENOENT) extensible = rest.length == 0 && extended;
      if (node === null || !this.isLink(node)) {
        if (watched) way += `/${name}`;
        continue;
      }
      if (++links > linksMax) {
        this.tooManyLinks(node, path);
        return null;
      }
      const text = this.linkText(node, rest.length);
      if (text === null) return null;
      rest = text + rest;
      // An absolute link starts again at the root, a relative one where it is.
      const isAbsolute = text.startsWith("/");
      node = isAbsolute ? this.root() : directory;
      if (!watched) continue;
      if (isAbsolute) way = "";
      if (redirects(`${way}/${rest}`)) return null;
    }
    return null;
  }

  /** What `path` names, with a symbolic link as its last name standing for itself, unless a slash follows; null and errno. */
  walkToLink(path: string, linksMax: i32): N | null {
    const slash = path.lastIndexOf("/");
    if (slash == path.length - 1) return this.walk(path, linksMax);
    const directory = this.walk(path.substring(0, slash + 1), linksMax);
    return directory === null ? null : this.step(directory, path.substring(slash + 1));
  }
}
