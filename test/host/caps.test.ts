// What is allowed so often, so long or so large: tried with as much and with one more.

import { BytesDisk } from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { memoryMap } from "../../build/host/handoff/maps.js";
import { awaitAnswer, makeAnswers, putAnswer } from "../../build/host/worker/answers.js";
import { KeyMessages, type KeysGiven } from "../../build/host/worker/key_messages.js";
import { KeyRingReader, KeyRingWriter, makeKeyRing } from "../../build/host/worker/keyring.js";
import { runStandIns, standIn } from "../support/stand_ins.js";

const GIB = 1024 ** 3;

describe("bytes of disks", () => {
  const reads = "diskread(0, 0, block, 512, block + 512); diskread_guest(0, 0, 0x1000, 512, block); exit(1);";

  it.each([
    [1024, undefined],
    [1023, { name: "LimitError", limit: "diskBytes", allowed: 1023, used: 1024 }],
  ])("1024 of %i", async (diskBytes, error) => {
    const options = { limits: { diskBytes }, disks: [new BytesDisk(new Uint8Array(1024))] };
    const result = await runStandIns({ simp: await standIn(reads) }, options);
    if (error === undefined) expect(result.error).toBeUndefined();
    else expect(result.error).toMatchObject(error);
  });
});

it.each([
  [4095, 4095],
  [4096, 4096],
  [4097, 4096],
])("of %i calls of a boot %i are listed", async (made, listed) => {
  const body = `for (let i = 0; i < ${made}; i++) setmsr(0xc0000080, i);\nexit(1);`;
  const { calls } = await runStandIns({ simp: await standIn(body) });
  expect(calls).toHaveLength(listed);
  expect(calls.at(-1)).toEqual(["setmsr", "0xc0000080", `0x${(listed - 1).toString(16)}`]);
});

describe("the ring of keys", () => {
  const SIZE = 4096;

  it("takes as many as it has room for at once, and then says that there are no more", () => {
    const ring = makeKeyRing();
    const [writer, reader] = [new KeyRingWriter(ring), new KeyRingReader(ring)];
    const keys = Uint8Array.from({ length: SIZE }, (_, at) => at % 251);
    writer.push(keys);
    writer.end();
    for (const key of keys) {
      expect(reader.ended()).toBe(false);
      expect(reader.poll()).toBe(true);
      expect(reader.getc()).toBe(key);
    }
    expect(reader.poll()).toBe(false);
    expect(reader.ended()).toBe(true);
    expect(reader.getc()).toBeUndefined();
    writer.close();
  });

  it("has one more wait outside, and writes over none", () => {
    const ring = makeKeyRing();
    const [writer, reader] = [new KeyRingWriter(ring), new KeyRingReader(ring)];
    writer.push(new Uint8Array(SIZE).fill(1));
    writer.push(Uint8Array.of(2));
    writer.end();
    const taken = [];
    while (reader.poll()) taken.push(reader.getc());
    expect(taken).toEqual(new Array(SIZE).fill(1));
    expect(reader.ended()).toBe(false);
    writer.push(new Uint8Array());
    expect(reader.getc()).toBe(2);
    expect(reader.ended()).toBe(true);
    writer.close();
  });
});

describe("keys as messages", () => {
  const SIZE = 4096;

  it("are on their way so many at a time, and as many more as are taken", () => {
    const sent: KeysGiven[] = [];
    const keys = new KeyMessages((message) => sent.push(message));
    keys.push(new Uint8Array(SIZE + 2));
    expect(sent).toEqual([]);
    keys.start();
    expect(sent.map((message) => message.keys.length)).toEqual([SIZE]);
    keys.took({ type: "took", count: 1 });
    expect(sent.map((message) => message.keys.length)).toEqual([SIZE, 1]);
    keys.end();
    expect(sent.map(({ ended }) => ended)).toEqual([false, false]);
    expect(() => keys.took({ type: "took", count: SIZE + 1 })).toThrow(`${SIZE + 1} keys are taken`);
    expect(() => keys.took({ type: "took", count: -1 })).toThrow("-1 keys are taken");
    keys.took({ type: "took", count: SIZE });
    expect(sent.map(({ keys: { length }, ended }) => [length, ended])).toEqual([
      [SIZE, false],
      [1, false],
      [1, true],
    ]);
  });
});

describe("answers to a thread", () => {
  const MOST = 5000;
  const answered = (bytes: Uint8Array | object | undefined): unknown => {
    const answers = makeAnswers(MOST);
    return awaitAnswer(answers, () => putAnswer(answers, bytes));
  };

  it("are bytes, objects or nothing", () => {
    expect(answered(Uint8Array.of(1, 2, 255))).toEqual(Uint8Array.of(1, 2, 255));
    expect(answered(new Uint8Array())).toEqual(new Uint8Array());
    expect(answered({ deny: "é" })).toEqual({ deny: "é" });
    expect(answered(undefined)).toBeUndefined();
  });

  it("are as long as the room that there is, and no longer", () => {
    const longest = new Uint8Array(MOST).fill(0xa5);
    expect(answered(longest)).toEqual(longest);
    expect(() => answered(new Uint8Array(MOST + 1))).toThrow(RangeError);
  });

  it("don't have what was left of a longer one", () => {
    const answers = makeAnswers(MOST);
    awaitAnswer(answers, () => putAnswer(answers, new Uint8Array(MOST).fill(1)));
    expect(awaitAnswer(answers, () => putAnswer(answers, { a: 1 }))).toEqual({ a: 1 });
    expect(awaitAnswer(answers, () => putAnswer(answers, Uint8Array.of(7)))).toEqual(Uint8Array.of(7));
    expect(awaitAnswer(answers, () => putAnswer(answers, undefined))).toBeUndefined();
  });
});

describe("low memory of machines", () => {
  const KIB = 1024;
  const RESERVED = 2;

  // Firmware keeps its tables at the end of low memory.
  it.each([
    ["qemu", 3.5 * GIB - 4 * KIB, 3.5 * GIB - 4 * KIB, 128 * KIB],
    ["qemu", 3.5 * GIB, 3 * GIB, 128 * KIB],
    ["q35", 2.75 * GIB - 4 * KIB, 2.75 * GIB - 4 * KIB, 132 * KIB],
    ["q35", 2.75 * GIB, 2 * GIB, 132 * KIB],
  ] as const)("%s with %i bytes has %i low", (profile, memory, low, tables) => {
    const map = memoryMap(profile, memory);
    expect(map).toContainEqual({ base: low - tables, length: tables, type: RESERVED });
    expect(map.find(({ base }) => base === 4 * GIB)?.length).toBe(memory === low ? undefined : memory - low);
  });
});
