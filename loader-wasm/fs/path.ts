// The walk along a path, name by name and through symbolic links, for file systems that have them. What a step is, the
// file system says: N is what it knows a file by.

import { Ascii } from "../lib/ascii";
import { burn } from "../lib/fault";
import { arriveAt, redirects, watchesLinks } from "./overlay";

/** Fuel for one name of a path, besides that for what is left of the path. */
const COMPONENT_COST: i64 = 16;

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
      node = this.step(directory, name);
      rest = rest.substring(end);
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
