// What a session's process sends is read as a stranger's: any bytes, any values.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkedMessage } from "../../build/host/isolation/check.js";
import { BODY_MAX, FrameReader, frameHead, HEAD_MAX } from "../../build/host/process/frames.js";

const head = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

describe("frames", () => {
  it("arrive whole, in whatever pieces they come", () => {
    const frame = fc.record({ value: fc.jsonValue(), body: fc.uint8Array({ maxLength: 300 }) });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.integer({ min: 1, max: 70 }), (frames, piece) => {
        const bytes = Buffer.concat(frames.flatMap(({ value, body }) => [frameHead(head(value), body.length), body]));
        const seen: { value: unknown; body: Uint8Array }[] = [];
        const reader = new FrameReader((value, body) => seen.push({ value, body }));
        for (let at = 0; at < bytes.length; at += piece) reader.push(bytes.subarray(at, at + piece));
        expect(seen.map(({ value, body }) => ({ value, body: [...body] }))).toEqual(
          frames.map(({ value, body }) => ({ value: JSON.parse(JSON.stringify(value)), body: [...body] })),
        );
      }),
    );
  });

  it("that are too long are refused before anything is kept for them", () => {
    const reader = () => new FrameReader(() => {});
    const lengths = (headSize: number, bodySize: number) => new Uint8Array(Uint32Array.of(headSize, bodySize).buffer);
    expect(() => reader().push(lengths(HEAD_MAX + 1, 0))).toThrow(`a head of ${HEAD_MAX + 1} bytes`);
    expect(() => reader().push(lengths(0, 0))).toThrow("a head of 0 bytes");
    expect(() => reader().push(lengths(2, BODY_MAX + 1))).toThrow(`a body of ${BODY_MAX + 1} bytes`);
    expect(() => reader().push(frameHead(new TextEncoder().encode("{"), 0))).toThrow(SyntaxError);
  });

  it("of random bytes end in an error or in waiting for more", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          new FrameReader(() => {}).push(bytes);
        } catch (error) {
          expect(error).toSatisfy((e) => e instanceof RangeError || e instanceof SyntaxError);
        }
      }),
    );
  });
});

describe("messages", () => {
  it("are what they look like, or refused", () => {
    fc.assert(
      fc.property(fc.anything(), (value) => {
        expect(() => checkedMessage(value)).toThrow(TypeError);
      }),
    );
  });

  it("of every type are refused with a field of another type, one missing or one too many", () => {
    const progress = { diskBytes: 1, diskCalls: 2, fileBytes: 3, fileDone: 4 };
    const file = { device: "disk0p2:", path: "/x", size: 1, sha256: "00", purpose: "data" };
    const good = [
      { type: "began" },
      { type: "output", bytes: new Uint8Array(3) },
      { type: "waiting", waiting: true },
      { type: "progress", progress },
      { type: "question", hook: "onSetenv", facts: ["name", "value"] },
      { type: "question", hook: "onFile", facts: [file] },
      { type: "question", hook: "onKernel", facts: [{ path: "/k", args: "" }] },
      { type: "rejected", error: { name: "DiskError", message: "x", disk: "y" } },
    ];
    for (const message of good) {
      expect(checkedMessage(message)).toBe(message);
      for (const name of Object.keys(message)) {
        expect(() => checkedMessage({ ...message, [name]: { toString: () => "began" } })).toThrow(TypeError);
        const { [name as "type"]: _, ...rest } = message;
        expect(() => checkedMessage(rest)).toThrow(TypeError);
      }
      expect(() => checkedMessage({ ...message, more: 1 })).toThrow(TypeError);
    }
    for (const hook of ["onEnvironment", "toString", "constructor"]) {
      expect(() => checkedMessage({ type: "question", hook, facts: [] })).toThrow(TypeError);
    }
    expect(() => checkedMessage({ type: "constructor" })).toThrow("no message");
  });
});
