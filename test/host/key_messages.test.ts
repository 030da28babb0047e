// Keys on their way to a worker as messages: not before it listens, never too many, and no lies about those that it took.

import { describe, expect, it } from "vitest";
import { KeyMessages, type KeysGiven } from "../../build/host/worker/key_messages.js";

/** The caller's end, and how many keys it has sent by each message. */
function open() {
  const sent: number[] = [];
  const ends: boolean[] = [];
  const keys = new KeyMessages((message: KeysGiven) => {
    sent.push(message.keys.length);
    ends.push(message.ended);
  });
  return { keys, sent, ends };
}
const took = (count: number) => ({ type: "took", count }) as const;

describe("keys as messages", () => {
  it("wait until the worker listens", () => {
    const { keys, sent } = open();
    keys.push(new Uint8Array(5));
    expect(sent).toEqual([]);
    keys.start();
    expect(sent).toEqual([5]);
  });

  it("are all that a message has", () => {
    const messages: KeysGiven[] = [];
    const keys = new KeyMessages((message) => messages.push(message));
    keys.start();
    expect(messages).toEqual([]);
    keys.push(Uint8Array.of(1, 2));
    keys.end();
    expect(messages).toEqual([
      { type: "keys", keys: Uint8Array.of(1, 2), ended: false },
      { type: "keys", keys: new Uint8Array(), ended: true },
    ]);
  });

  it("are on their way 4096 at a time, and the end comes with the last", () => {
    const { keys, sent, ends } = open();
    keys.start();
    keys.push(new Uint8Array(10_000));
    keys.end();
    expect(sent).toEqual([4096]);
    keys.took(took(0));
    expect(sent).toEqual([4096]);
    keys.took(took(1000));
    keys.took(took(4096));
    keys.took(took(4096));
    expect(sent).toEqual([4096, 1000, 4096, 808]);
    expect(ends).toEqual([false, false, false, true]);
  });

  it.each([-1, 0.5, 6, Number.NaN])("are not taken %d at a time when five are on their way", (count) => {
    const { keys } = open();
    keys.start();
    keys.push(new Uint8Array(5));
    expect(() => keys.took(took(count))).toThrow(TypeError);
  });
});
