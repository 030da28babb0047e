import { describe, expect, it } from "vitest";
import { ALL, affectedTests } from "../../scripts/affected.mjs";

const TESTS = [
  "test/fs/ufs.test.ts",
  "test/zfs/zfs.test.ts",
  "test/zfs/zfs_pools.test.ts",
  "test/host/cli.test.ts",
  "test/host/cli_help.test.ts",
  "test/host/session.test.ts",
  "test/interp/lua/vm.test.ts",
  "test/interp/lua/string.test.ts",
  "test/policy/lua.test.ts",
  "test/scripts/build.test.ts",
];
const affected = (...changed: string[]): unknown => affectedTests(changed, TESTS);

describe("tests that a change concerns", () => {
  it.each([
    ["loader-wasm/fs/ufs/inode.ts", ["test/fs/ufs.test.ts"]],
    ["loader-wasm/zfs/vdev.ts", ["test/zfs/zfs.test.ts", "test/zfs/zfs_pools.test.ts"]],
    ["loader-wasm/interp/lua/vm.ts", ["test/interp/lua/vm.test.ts"]],
    ["loader-wasm/interp/lua/run/gc.ts", ["test/interp/lua/string.test.ts", "test/interp/lua/vm.test.ts"]],
    ["host/session.ts", ["test/host/session.test.ts"]],
    ["host/cli/run.ts", ["test/host/cli.test.ts", "test/host/cli_help.test.ts"]],
    ["host/policy/lua.ts", ["test/policy/lua.test.ts"]],
    ["scripts/core.mjs", ["test/scripts/build.test.ts"]],
    ["test/zfs/zfs.test.ts", ["test/zfs/zfs.test.ts"]],
    ["test/interp/lua/programs.ts", ["test/interp/lua/string.test.ts", "test/interp/lua/vm.test.ts"]],
    ["README.md", []],
  ])("%s", (path, tests) => {
    expect(affected(path)).toEqual(tests);
  });

  it("a file of the host that nothing mirrors concerns all of the host's", () => {
    expect(affected("host/api.ts")).toEqual(TESTS.filter((path) => path.startsWith("test/host/")));
  });

  it.each(["loader-wasm/main.ts", "loader-wasm/lib/text.ts", "test/support/disk.ts", "asconfig.json"])(
    "%s concerns all",
    (path) => {
      expect(affected("host/session.ts", path)).toBe(ALL);
    },
  );

  it("several changes add up, once each", () => {
    expect(affected("host/session.ts", "loader-wasm/fs/ufs/ufs.ts", "loader-wasm/fs/ufs/inode.ts")).toEqual([
      "test/fs/ufs.test.ts",
      "test/host/session.test.ts",
    ]);
  });
});
