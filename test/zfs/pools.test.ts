// Pools of a real OpenZFS (test/support/pools.ts), booted through the public interface: whole, without every set of disks
// that they can do without, and with the largest such sets emptied behind their labels. Every file that their loader.rc loads is
// compared by digest, and so is the kernel. docs/storage.md shows what came of it; UPDATE_TABLES=1 writes that.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { type BootResult, boot, type Disk, KeysConsole } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { nodeSha256 } from "../../build/host/node_hash.js";
import { setSha256 } from "../../build/host/protocol/digests.js";
import {
  disksOf,
  holds,
  neededSets,
  type PoolEntry,
  type Pools,
  poolsIn,
  sparedSets,
  zeroed,
} from "../support/pools.js";
import { inRepository } from "../support/repository.js";

/** Pools that can't be booted, and what must be said. */
const REFUSED: Readonly<Record<string, RegExp>> = { enc_root: /encrypt/i, encrypted_root: /encrypt/i };
/** Pools whose state is worth a line: one of their disks is behind the others. */
const STALE: readonly string[] = ["mirror_offline", "draid2_spare", "draid3_spare"];

/** Bytes that the digests of `kernel_memory` are about, in its order: text, data, the module. */
const KERNEL_SIZES = [136_480, 18_960, 2_572];
const PAGE = inRepository("docs/storage.md");

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** What a boot from `disks` gave. */
async function booted(disks: readonly Disk[]): Promise<{ result: BootResult; said: string }> {
  const console = new KeysConsole([]);
  const result = await boot({ disks, console, clock: "virtual", isolation: "none", memory: 64 * 1024 * 1024 });
  return { result, said: [console.text, ...result.diagnostics].join("\n") };
}

/** What is wrong with a boot: nothing, if the result is right. */
function faults({ result }: { result: BootResult }, pools: Pools, pool: PoolEntry): string[] {
  if (result.reason !== "exec") return [`${result.reason}: ${result.error?.message}`];
  const found: string[] = [];
  const { currdev } = result.environment;
  if (pool.boots !== undefined && currdev !== `zfs:${pool.boots}:`) found.push(`booted ${currdev}`);
  for (const { path, type, size, sha256: wanted } of pools.files) {
    if (!holds(pool, path)) continue;
    const module = result.modules.find((one) => one.type === type);
    const bytes = module && result.guestMemory.read(Number(module.address), module.size);
    if (bytes === undefined) found.push(`${path.slice(0, 40)}: not loaded`);
    else if (bytes.length !== size || sha256(bytes) !== wanted) found.push(`${path.slice(0, 40)}: wrong bytes`);
  }
  Object.entries(pools.kernel_memory).forEach(([address, wanted], index) => {
    const size = KERNEL_SIZES[index] ?? 0;
    if (sha256(result.guestMemory.read(Number(address), size)) !== wanted) found.push(`kernel at ${address}`);
  });
  return found;
}

/** A line of the table. */
interface Row {
  name: string;
  pool: PoolEntry;
  whole: string;
  /** Forms that are right, and all that there are. */
  without: [number, number];
  emptied: [number, number];
  /** Forms with a disk too few that say what is missing, and all that there are. */
  lacking: [number, number];
}

/** Boots a pool in all its forms; what is wrong, a line each, and its row. */
async function tryPool(pools: Pools, name: string, pool: PoolEntry): Promise<{ row: Row; wrong: string[] }> {
  const disks = await disksOf(pools, name);
  const row: Row = { name, pool, whole: "fails", without: [0, 0], emptied: [0, 0], lacking: [0, 0] };
  const wrong: string[] = [];
  const attempt = async (form: string, parts: readonly Disk[], kinds?: "without" | "emptied") => {
    const end = await booted(parts);
    const found = faults(end, pools, pool);
    const refusal = REFUSED[name];
    if (refusal !== undefined) {
      row.whole = "refused: encrypted";
      if (end.result.reason === "exec" || !refusal.test(end.said)) wrong.push(`${form}: ${refusal} isn't said`);
    } else if (found.length > 0) wrong.push(`${form}: ${found.join(", ")}`);
    else if (kinds === undefined) row.whole = "boots";
    if (kinds === undefined && found.length === 0 && end.result.diagnostics.length > 0 && !STALE.includes(name))
      wrong.push(`${form}: ${end.result.diagnostics.join(", ")}`);
    if (kinds !== undefined) {
      if (found.length === 0) row[kinds][0]++;
      row[kinds][1]++;
    }
    end.result.release();
  };
  await attempt("whole", disks);
  for (const set of neededSets(pool)) {
    const end = await booted(disks.filter((_, disk) => !set.includes(disk)));
    row.lacking[1]++;
    // Nothing that is booted may be on them.
    if (faults(end, pools, pool).length === 0 || /\bmissing\b/.test(end.said)) row.lacking[0]++;
    else wrong.push(`without ${set.map((disk) => disk + 1).join(" and ")}: nothing is said to be missing`);
    end.result.release();
  }
  const spared = sparedSets(pool);
  const within = (set: readonly number[], other: readonly number[]) =>
    set.length < other.length && set.every((disk) => other.includes(disk));
  for (const set of spared) {
    const names = set.map((disk) => disk + 1).join(" and ");
    await attempt(
      `without ${names}`,
      disks.filter((_, disk) => !set.includes(disk)),
      "without",
    );
    if (!spared.some((other) => within(set, other)))
      await attempt(
        `with ${names} emptied`,
        disks.map((disk, index) => (set.includes(index) ? zeroed(disk) : disk)),
        "emptied",
      );
  }
  return { row, wrong };
}

/** The rows as a table of docs/storage.md. */
function table(rows: readonly Row[]): string {
  const code = (text: string) => `\`${text.replaceAll("|", "\\|")}\``;
  const share = ([right, all]: [number, number]) => (all === 0 ? "" : `${right} of ${all}`);
  const cells = rows.map(({ name, pool, whole, without, emptied, lacking }) => [
    name,
    [pool.create, pool.root && `zfs create ${pool.root} zroot/ROOT/default`, pool.put, pool.then]
      .flatMap((command) => (command ? [code(command.replaceAll(/L{50,}/g, "LLL..."))] : []))
      .join(" then "),
    whole,
    share(without),
    share(emptied),
    share(lacking),
    ...(rows.some((row) => row.pool.freebsd15) ? [pool.freebsd15 ?? "reads"] : []),
  ]);
  const head = ["pool", "made with", "whole", "disks left out", "disks emptied", "too many left out: said"];
  if (rows.some((row) => row.pool.freebsd15)) head.push("FreeBSD 15's loader");
  return [head, head.map(() => "---"), ...cells].map((line) => `| ${line.join(" | ")} |\n`).join("");
}

/** The page with another table between the marks of `folder`; and the one that stands there. */
function section(page: string, folder: string, rows?: string): { page: string; stands: string } {
  const begin = `<!-- pools: ${folder} -->\n`;
  const from = page.indexOf(begin) + begin.length;
  const to = page.indexOf("<!-- /pools -->", from);
  if (from < begin.length || to < 0) throw new Error(`docs/storage.md has no marks for ${folder}`);
  return { page: page.slice(0, from) + (rows ?? "") + page.slice(to), stands: page.slice(from, to) };
}

for (const folder of ["images/pools", "../shared/pools"]) {
  const pools = poolsIn(folder);
  if (pools === undefined) console.log(`Pools of OpenZFS: SKIPPED, no ${folder}/pools.json`);
  describe.skipIf(pools === undefined)(`pools of ${folder}`, () => {
    if (pools === undefined) return;
    const rows: Row[] = [];
    const names = Object.keys(pools.pools);

    it.each(names)("%s", { timeout: 120_000 }, async (name) => {
      const pool = pools.pools[name];
      if (pool === undefined) throw new Error(name);
      const { row, wrong } = await tryPool(pools, name, pool);
      rows.push(row);
      expect(wrong).toEqual([]);
    });

    it("are read by the core alone, where the host makes no digests", { timeout: 120_000 }, async () => {
      const hashed = names.filter((name) => pools.pools[name]?.create.includes("checksum=sha256"));
      setSha256(undefined);
      try {
        for (const name of [...hashed, names[0]!]) {
          const pool = pools.pools[name]!;
          expect(faults(await booted(await disksOf(pools, name)), pools, pool)).toEqual([]);
        }
      } finally {
        setSha256(nodeSha256);
      }
    });

    it("are what the table in docs/storage.md says", (context) => {
      if (rows.length < names.length) context.skip("not all pools were tried");
      const page = readFileSync(PAGE, "utf8");
      const made = table(rows);
      if (process.env.UPDATE_TABLES) writeFileSync(PAGE, section(page, folder, made).page);
      else expect(section(page, folder).stands, "UPDATE_TABLES=1 writes it").toBe(made);
    });
  });
}
