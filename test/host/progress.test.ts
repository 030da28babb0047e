import { describe, expect, it } from "vitest";
import { ProgressBar } from "../../build/host/cli/progress.js";
import { runStandIns, standIn } from "../support/stand_ins.js";

const MIB = 1024 * 1024;

describe("progress", () => {
  it("is told in parts while a large file is read into guest memory", async () => {
    const module = await standIn(`diskread_guest(0, 0, 0, ${10 * MIB}, block); exit(1);`);
    const disk = { sectorSize: 512, size: 100 * MIB, read: (_: number, target: Uint8Array) => target.length };
    const seen: number[] = [];
    const onProgress = ({ fileDone, fileBytes }: { fileDone: number; fileBytes: number }) => {
      seen.push(fileDone / fileBytes);
    };
    await runStandIns({ simp: module }, { disks: [disk], onProgress });
    expect(seen).toEqual([0.4, 0.8, 1]);
  });

  it("is a bar on terminals only, and leaves nothing behind", () => {
    const lines: string[] = [];
    const stream = (isTTY: boolean) =>
      ({ isTTY, rows: 24, write: (text: string) => lines.push(text) }) as unknown as NodeJS.WriteStream;
    const now = { diskBytes: 0, diskCalls: 0, fileBytes: 10 * MIB, fileDone: 4 * MIB };
    new ProgressBar(stream(false)).show(now);
    expect(lines).toEqual([]);
    const bar = new ProgressBar(stream(true));
    bar.show(now);
    expect(lines.pop()).toContain(`[${"#".repeat(16)}${".".repeat(24)}] 4 of 10 MiB`);
    bar.show({ ...now, fileDone: 10 * MIB });
    expect(lines.pop()).toBe("\x1b7\x1b[24;1H\x1b[K\x1b8");
    bar.clear();
    expect(lines).toEqual([]);
  });
});
