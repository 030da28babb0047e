// Single bits of good images flipped, some of each; `npm run fuzz -- flips` does as many as fit into minutes. What is good is
// compared with what was put in: the second reader of UFS with the tree, the pools with their list of files.

import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { FLIP_SAMPLES } from "../../fuzz/flip_samples.js";
import { Flips, flipSample, type Sight } from "../../fuzz/flips.js";
import { holds, poolsIn } from "../support/pools.js";
import { SparseDisk } from "../support/sparse_disk.js";
import { describeWith, imageOf, noise, run, usualTree } from "../support/trees.js";
import { UfsReader } from "../support/ufs_reader.js";

const RUNS = { ufs: 150, zfs: 40 };
const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe.each(FLIP_SAMPLES.map((sample) => [sample.name, sample] as const))("%s", (name, sample) => {
  it("reads right or says what is wrong, whichever bit is flipped", { timeout: 120_000 }, () => {
    const { counts, findings } = flipSample(sample, { runs: sample.reader === undefined ? RUNS.zfs : RUNS.ufs });
    expect(findings).toEqual([]);
    // Some flips show.
    if (name.startsWith("ufs")) expect(Math.min(counts.changed, counts.error)).toBeGreaterThan(0);
  });
});

it("what is good is what was put in", () => {
  for (const name of ["ufs1", "ufs2"]) {
    const { good } = new Flips(FLIP_SAMPLES.find((sample) => sample.name === name)!);
    const kernel = Buffer.concat(good.get("/boot/kernel/kernel")!.content!.map(({ bytes }) => bytes));
    expect(kernel.equals(noise("kernel", 4096 * 15 + 100))).toBe(true);
    expect(good.get("/holes")!.content!.at(-1)!.at).toBeGreaterThan(2 ** 20);
  }
  const { files, pools } = poolsIn("images/pools")!;
  for (const { contentMax, name } of FLIP_SAMPLES.filter((sample) => sample.reader === undefined)) {
    const { good } = new Flips(FLIP_SAMPLES.find((sample) => sample.name === name)!);
    const pool = pools[name.slice("zfs_".length)]!;
    const known = files.filter(({ path, size }) => holds(pool, path) && size <= contentMax);
    let compared = 0;
    for (const { path, sha256 } of known) {
      const seen = good.get(`zfs:zroot/ROOT/default:${path}`);
      if (seen?.content === undefined) continue;
      compared++;
      expect([path, digest(Buffer.concat(seen.content.map(({ bytes }) => bytes)))]).toEqual([path, sha256]);
    }
    expect(compared).toBeGreaterThan(3);
  }
});

it("a reader that takes anything is found out", () => {
  const flips = new Flips(FLIP_SAMPLES[1]!);
  const judged = (change: (sight: Sight) => void, end = "done") => {
    const { sight } = flips.read();
    change(sight);
    return flips.judge(end, sight).kind;
  };
  expect(judged(() => {})).toBe("right");
  expect(judged((sight) => sight.get("/boot/kernel/kernel")!.content![0]!.bytes.fill(1, 7, 8))).toBe("wrong");
  expect(judged((sight) => sight.get("/boot/kernel/kernel")!.size!++)).toBe("wrong");
  expect(judged((sight) => sight.get("/boot")!.names!.pop())).toBe("wrong");
  expect(judged((sight) => sight.set("/more", { type: "file", size: 0, content: [] }))).toBe("wrong");
  expect(judged((sight) => sight.delete("/empty"))).toBe("wrong");
  expect(judged((sight) => sight.delete("/empty"), "LimitError: fuel")).toBe("error");
  expect(judged((sight) => sight.set("/empty", { error: "EIO" }))).toBe("error");
  expect(judged((sight) => sight.clear())).toBe("error");
  // What a limit has cut off was not read.
  const cut = (sight: Sight) => sight.set("/boot/kernel/kernel", { type: "file", size: 61_540, error: "unfinished" });
  expect(judged(cut, "LimitError: limit wallMs exceeded")).toBe("error");
});

describeWith(["makefs"], "the second reader of UFS", () => {
  it.each([1, 2])("has the tree that makefs wrote, version %i", (version) => {
    const tree = usualTree(3_000_000, true);
    const image = imageOf(tree, (root, path) => {
      run("makefs", "-t", "ffs", "-o", `version=${version},bsize=8192,fsize=1024`, "-s", "16m", path, root);
    });
    const disk = new SparseDisk(0);
    disk.write(0, image);
    const reader = new UfsReader(disk);
    for (const [path, content] of tree) {
      const latin = Buffer.from(path).toString("latin1");
      if (Buffer.isBuffer(content)) expect([path, reader.read(latin, 2 ** 30).equals(content)]).toEqual([path, true]);
      else expect([path, reader.look(latin).target]).toEqual([path, content.link]);
    }
  });
});
