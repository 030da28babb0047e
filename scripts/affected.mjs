// Which tests a changed file concerns. test/ mirrors loader-wasm/ and host/, so the nearest folder or file of the same
// name has them: for fs/ufs/inode.ts test/fs/ufs/inode.test.ts, else test/fs/ufs*, else test/fs/. A file that nothing
// mirrors concerns all.
import { posix } from "node:path";

export const ALL = "all";

/** Where the mirror of a folder's files may lie, nearest first. */
const MIRRORS = { "loader-wasm": ["test"], host: ["test/host", "test"], scripts: ["test/scripts"] };
/** Files that every test depends on. */
const COMMON = ["package.json", "package-lock.json", "asconfig.json", "tsconfig.json", "vitest.config.ts"];

/** The tests in `tests` (paths of *.test.ts) that changes of `changed` concern, or `ALL`. Paths use slashes. */
export function affectedTests(changed, tests) {
  const found = new Set();
  for (const path of changed) {
    const matching = testsOf(path, tests);
    if (matching === ALL) return ALL;
    for (const test of matching) found.add(test);
  }
  return [...found].sort();
}

function testsOf(path, tests) {
  if (tests.includes(path)) return [path];
  const [top, ...rest] = path.split("/");
  // Builders and harnesses serve the tests beside and below them.
  if (top === "test") return rest.length < 2 || rest[0] === "support" ? ALL : mirrored(posix.dirname(path), tests);
  if (COMMON.includes(path)) return ALL;
  if (!Object.hasOwn(MIRRORS, top)) return [];
  for (let names = rest.join("/").replace(/\.\w+$/, ""); names !== "."; names = posix.dirname(names)) {
    const matching = MIRRORS[top]
      .map((mirror) => mirrored(`${mirror}/${names}`, tests))
      .find(({ length }) => length > 0);
    if (matching !== undefined) return matching;
  }
  const mirror = mirrored(MIRRORS[top][0], tests);
  return top === "loader-wasm" || mirror.length === 0 ? ALL : mirror;
}

/** The tests in the folder `name`, and those named after it: NAME.test.ts, NAME_MORE.test.ts. */
function mirrored(name, tests) {
  return tests.filter((test) => [`${name}/`, `${name}.`, `${name}_`].some((start) => test.startsWith(start)));
}
