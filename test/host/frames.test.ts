// What a session's process sends is read as a stranger's: any bytes, any values.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CpuState } from "../../build/host/handoff/registers.js";
import { checkedMessage } from "../../build/host/isolation/check.js";
import { VALUES_MAX } from "../../build/host/isolation/shape.js";
import { BODY_MAX, DEPTH_MAX, FrameReader, frameHead, HEAD_MAX } from "../../build/host/process/frames.js";

/** What `onExec` is told. */
const cpu = new CpuState();
cpu.cr3 = 0x2000n;
const { gdt: _gdt, ...ENTRY } = cpu.entryState();
const MACHINE = { ...ENTRY, modules: [], environment: {} };

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

  it("with heads of more values, or deeper ones, than a result has are refused before they are taken in", () => {
    const read = (text: string) => {
      const bytes = new TextEncoder().encode(text);
      let seen: unknown;
      const reader = new FrameReader((value) => {
        seen = value;
      });
      reader.push(frameHead(bytes, 0));
      return seen;
    };
    const deep = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    const wide = (values: number) => `[${"0,".repeat(values - 2)}0]`;
    expect(JSON.stringify(read(deep(DEPTH_MAX)))).toBe(deep(DEPTH_MAX));
    expect(() => read(deep(DEPTH_MAX + 1))).toThrow("values inside each other");
    expect(read(wide(VALUES_MAX))).toHaveLength(VALUES_MAX - 1);
    expect(() => read(wide(VALUES_MAX + 1))).toThrow(`more than ${VALUES_MAX} values`);
    // What stands in a text is no value.
    const text = `${'[{,"\\'.repeat(VALUES_MAX / 4)}`;
    expect(read(JSON.stringify([text]))).toEqual([text]);
    expect(() => read(`${JSON.stringify("\\")},${"[".repeat(DEPTH_MAX + 1)}`)).toThrow("values inside each other");
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

  it("with a list that is said to be long and holds nothing are refused at once", () => {
    const files = Object.assign([], { length: 2 ** 32 - 1 });
    expect(() => checkedMessage({ type: "question", hook: "onExec", facts: [{ ...MACHINE, modules: files }] })).toThrow(
      TypeError,
    );
  });

  it("with bytes that are something else, or in a buffer that others have or that changes its size, are refused", () => {
    const shared = new Uint8Array(new SharedArrayBuffer(2));
    const resizable = new Uint8Array(Reflect.construct(ArrayBuffer, [2, { maxByteLength: 4 }]));
    for (const bytes of [shared, resizable, new Uint16Array(2), new DataView(new ArrayBuffer(2)), new ArrayBuffer(2)])
      expect(() => checkedMessage({ type: "output", bytes })).toThrow(TypeError);
  });

  it("with numbers that are none, or other objects than plain ones, are refused", () => {
    const exec = (registers: unknown, environment: unknown = {}) => ({
      type: "question",
      hook: "onExec",
      facts: [{ ...MACHINE, registers, environment }],
    });
    const { registers } = ENTRY;
    const good = exec({ ...registers, rip: "0xffffffffffffffff" });
    expect(checkedMessage(good)).toBe(good);
    for (const rip of ["zzz", "0x", "0x10000000000000000", "-0x1", 1.5, -1, Number.MAX_VALUE, [["0x0"]]]) {
      expect(() => checkedMessage(exec({ ...registers, rip }))).toThrow(TypeError);
    }
    expect(() => checkedMessage(exec(registers, new Map()))).toThrow(TypeError);
  });

  it("with the registers of another architecture, or some of them, are refused", () => {
    const exec = (machine: object) => ({ type: "question", hook: "onExec", facts: [{ ...MACHINE, ...machine }] });
    const { cr3, ...others } = ENTRY.registers;
    expect(() => checkedMessage(exec({ arch: "i386" }))).toThrow(TypeError);
    expect(() => checkedMessage(exec({ registers: others }))).toThrow(TypeError);
    expect(() => checkedMessage(exec({ arch: "i386", registers: { ...others, cr3 } }))).toThrow(TypeError);
    const good = exec({ arch: "i386", registers: others });
    expect(checkedMessage(good)).toBe(good);
    expect(() => checkedMessage(exec({ registers: {} }))).toThrow(TypeError);
    expect(() => checkedMessage(exec({ registers: { ...ENTRY.registers, gdtr: "0x0" } }))).toThrow(TypeError);
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
