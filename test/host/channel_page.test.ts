// What goes between a page and its worker where they have no memory in common: as messages, where the engine can suspend a module,
// and else before the start.

import { afterEach, describe, expect, it, vi } from "vitest";
import type { StartMessage } from "../../build/host/isolation/messages.js";
import { sessionOptions } from "../../build/host/options.js";

const options = sessionOptions({ memory: { low: 65_536, high: 0 } });
const MESSAGE: StartMessage = { options, disks: [], trees: [], clock: "virtual", wants: [] };
const SERVED = [{ served: 0, sectorSize: 512 }] as unknown as StartMessage["disks"];
const NOTHING = () => undefined;

/** A channel of a page like that, and what it sends. */
async function channelOf(suspends: boolean) {
  vi.resetModules();
  vi.stubGlobal("SharedArrayBuffer", undefined);
  const { Instance, Memory, Module } = WebAssembly;
  const integration = suspends ? { Suspending: NOTHING, promising: NOTHING } : { promising: NOTHING };
  vi.stubGlobal("WebAssembly", { Instance, Memory, Module, ...integration });
  const { canServeThreads, ThreadChannel } = await import("../../build/host/worker/channel.js");
  const sent: Record<string, unknown>[] = [];
  const channel = new ThreadChannel((message) => void sent.push({ ...message }));
  const received: unknown[] = [];
  const receive = (message: object) => channel.received(message as never, (known) => void received.push(known));
  return { channel, sent, received, receive, serves: canServeThreads() };
}
afterEach(() => {
  vi.unstubAllGlobals();
  vi.resetModules();
});

describe("an engine that can suspend modules", () => {
  it("has keys as messages, once the session has started, so many at a time", async () => {
    const { channel, received, receive, sent, serves } = await channelOf(true);
    expect(serves).toBe(true);
    channel.keys.push(Uint8Array.of(1, 2));
    expect(sent).toEqual([]);
    channel.start({ ...MESSAGE, liveKeys: true });
    expect(sent[0]).toEqual({ ...MESSAGE, liveKeys: true, suspends: true });
    expect(sent[1]).toEqual({ type: "keys", keys: Uint8Array.of(1, 2), ended: false });
    channel.keys.push(new Uint8Array(5000));
    expect(sent[2]).toMatchObject({ type: "keys", keys: { length: 4094 } });
    receive({ type: "took", count: 4096 });
    expect(sent[3]).toMatchObject({ type: "keys", keys: { length: 906 } });
    expect(received).toEqual([]);
    receive({ type: "took", count: 907 });
    expect(received).toEqual([undefined]);
    channel.close();
  });

  it.each<[string, Partial<StartMessage>, boolean]>([
    ["nothing that waits", {}, false],
    ["keys that it has", { keys: ["x"] }, false],
    ["keys that come", { liveKeys: true }, true],
    ["disks of the caller's", { disks: SERVED }, true],
    ["time that passes", { clock: "real" }, true],
  ])("is asked for that with %s: %s", async (_, more, suspends) => {
    const { channel, sent } = await channelOf(true);
    channel.start({ ...MESSAGE, ...more });
    expect(sent[0]).toMatchObject({ suspends });
    // There is no memory in common.
    for (const name of ["ring", "reads", "questions"]) expect(sent[0]).not.toHaveProperty(name);
    expect("keys" in sent[0]!).toBe("keys" in more);
    channel.keys.push(Uint8Array.of(1));
    expect(sent).toHaveLength(more.liveKeys ? 2 : 1);
    channel.serve({ bytes: Uint8Array.of(9) });
    expect(sent.at(-1)).toEqual({ type: "bytes", reply: { bytes: Uint8Array.of(9) } });
  });
});

describe("an engine that can't", () => {
  it("has the keys that were there before the start, and tells who types", async () => {
    const { channel, receive, received, sent, serves } = await channelOf(false);
    expect(serves).toBe(false);
    expect(channel.keys.keys).toBe("queued");
    expect(channel.keys.push(Uint8Array.of(0x61, 0xff))).toBe(true);
    channel.start({ ...MESSAGE, liveKeys: true });
    expect(sent).toEqual([{ ...MESSAGE, liveKeys: true, keys: ["a\u00ff"] }]);
    expect(channel.keys.push(Uint8Array.of(1))).toBe(false);
    // Nobody gave it any as messages.
    receive({ type: "took", count: 0 });
    expect(received).toEqual([undefined]);
  });
});

it.each([true, false])("hooks can't be asked (suspends: %s)", async (suspends) => {
  const { channel, sent } = await channelOf(suspends);
  const refused = { name: "OptionError", message: expect.stringMatching(/cross-origin isolated/) };
  expect(() => channel.start({ ...MESSAGE, wants: ["onFile"] })).toThrow(expect.objectContaining(refused));
  expect(sent).toEqual([]);
  channel.answer({ deny: "no" });
  channel.close();
});
