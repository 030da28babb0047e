// A session's own side, with a line that notes what goes over it: output in batches.

import { afterEach, expect, it, vi } from "vitest";
import { type Line, runBody } from "../../build/host/isolation/body.js";
import type { SessionMessage } from "../../build/host/isolation/messages.js";
import { sessionOptions } from "../../build/host/options.js";
import { standIn } from "../support/stand_ins.js";

afterEach(() => vi.restoreAllMocks());

/** What a stand-in's session says. */
async function said(body: string, keys?: Line["keys"]): Promise<SessionMessage[]> {
  const messages: SessionMessage[] = [];
  const line: Line = {
    post: (message) => void messages.push(message),
    finish() {},
    module: () => Promise.reject(new Error("no other module")),
    keys,
  };
  const modules = new Map([["simp", await standIn(body)] as const]);
  const options = sessionOptions({ start: "simp" });
  await runBody({ options, modules, disks: [], trees: [], clock: "virtual", wants: [] }, line);
  return messages;
}

/** How many bytes each of its messages of output has. */
const sizes = async (body: string, keys?: Line["keys"]) =>
  (await said(body, keys)).flatMap((message) => (message.type === "output" ? [message.bytes.length] : []));

it("output goes in batches of 16 KiB", async () => {
  vi.spyOn(performance, "now").mockReturnValue(5);
  expect(await sizes("for (let i = 0; i < 10; i++) write(block, 4096);")).toEqual([16_384, 16_384, 8192]);
  expect(await sizes("write(block, 16383); write(block, 3);")).toEqual([16_384, 2]);
  expect(await sizes("write(block, 40000);")).toEqual([16_384, 16_384, 7232]);
  expect(await sizes("for (let i = 0; i < 3; i++) write(block, 1);")).toEqual([3]);
});

it.each([
  [10, [5]],
  [11, [3, 2]],
])("output is sent when it is older than 10 ms: after %i ms in parts of %j bytes", async (ms, expected) => {
  let now = 1000;
  vi.spyOn(performance, "now").mockImplementation(() => now);
  const poll = () => {
    now += ms;
    return false;
  };
  expect(await sizes("write(block, 3); poll(); poll(); write(block, 2);", { poll })).toEqual(expected);
});

it("output is sent before the guest waits for a key", async () => {
  vi.spyOn(performance, "now").mockReturnValue(5);
  const getc = () => 13;
  expect(await sizes("write(block, 3); getc(); write(block, 2);", { getc })).toEqual([3, 2]);
});
