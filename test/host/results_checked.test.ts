// What a thread or process says of its session's end, with each of its values in turn something else: none is taken.

import { beforeAll, describe, expect, it } from "vitest";
import { checkedMessage } from "../../build/host/isolation/check.js";
import { GENERATIONS, PROFILE_MARKS } from "../../build/host/profile.js";
import { ThreadLine, type ThreadMessage } from "../../build/host/worker/channel.js";
import { runStandIns, standIn } from "../support/stand_ins.js";

type Fields = Record<string, unknown>;

/** The last message of a session of a stand-in, as its caller gets it. */
async function ended(body: string): Promise<Fields> {
  const result = await runStandIns({ simp: await standIn(body) }, { start: "simp", env: ["a=b"] });
  const { text: _, ...own } = Object.getOwnPropertyDescriptors(result);
  const posted: ThreadMessage[] = [];
  const line = new ThreadLine({} as never, (message) => void posted.push(message));
  const { guestMemory } = result;
  line.finish(Object.defineProperties({}, own) as never, 7);
  const { memory: __, ...message } = posted[0] as unknown as Fields;
  return { ...structuredClone(message), guest: guestMemory };
}

/** Names that may be anything. */
const DICTIONARIES = ["environment"];

/** `value` with something else at each of its places: the place, and the whole. */
function* changed(value: unknown, path = ""): Generator<[string, unknown]> {
  for (const other of [null, undefined, {}, [[]], () => 0, "\u0000\u001b[", -0.5, Number.NaN, true])
    if (typeof other !== typeof value || other === null) yield [`${path} = ${String(other)}`, other];
  if (typeof value !== "object" || value === null || path === ".guest") return;
  if (Array.isArray(value)) {
    for (const [i, element] of value.entries())
      for (const [place, other] of changed(element, `${path}[${i}]`)) yield [place, value.with(i, other)];
    return;
  }
  for (const [name, field] of Object.entries(value)) {
    const { [name]: __, ...rest } = value as Fields;
    if (!DICTIONARIES.some((one) => path.endsWith(`.${one}`))) yield [`${path} without ${name}`, rest];
    for (const [place, other] of changed(field, `${path}.${name}`)) yield [place, { ...value, [name]: other }];
  }
  if (!DICTIONARIES.some((one) => path.endsWith(`.${one}`))) yield [`${path} with more`, { ...value, more: 1 }];
}

/** Fields that a message needn't have, and values that may be of several types: these may go, and be so. */
const OPTIONAL = ["args", "bootData", "bootProblem", "howto", "bootdev", "bootinfo", "limit", "allowed", "used"].join(
  "|",
);
const MAY_BE = [/^\.data\.calls\[/, new RegExp(`(?: without |\\.)(?:${OPTIONAL})(?: = undefined)?$`)];

describe.each([
  ["enters a kernel of 64 bits", "setreg(4, 0x1000); setcr(3, 0x2000); copyin(block, 0x3000, 9); exec(0x100000);"],
  ["enters one of 32 bits", "setreg(4, 0x1fdc); setgdt(0x3000, 31); exec(0x4001a0);"],
  ["exits", "looked(0, block, 1, block, 1); report(block, 4); exit(3);"],
  ["fails", "fault(1, block, 0);"],
])("the message of a session that %s", (_, body) => {
  let message: Fields;
  beforeAll(async () => {
    message = await ended(body);
  });

  it("is taken as it is", () => expect(checkedMessage(message)).toBe(message));

  it("may have any generation and any mark, and no others", () => {
    const { data, ...rest } = message as { data: Fields };
    const withFacts = (facts: Fields) => () => checkedMessage({ ...rest, data: { ...data, ...facts } });
    const profile = (generation: unknown) => withFacts({ profile: { generation, from: PROFILE_MARKS[0] } });
    const mark = (found: string) => withFacts({ interpreterChecks: [{ flavour: "lua", found }] });
    for (const generation of GENERATIONS) expect(profile(generation)).not.toThrow();
    for (const generation of [11, 16, "14", null]) expect(profile(generation)).toThrow(TypeError);
    for (const found of ["mark", "no mark", "no loader", "unreadable", "not looked for"])
      expect(mark(found)).not.toThrow();
    expect(mark("")).toThrow(TypeError);
  });

  it("is refused when anything in it is something else", () => {
    const taken = [];
    for (const [place, other] of changed(message)) {
      if (MAY_BE.some((one) => one.test(place))) continue;
      try {
        checkedMessage(other);
        taken.push(place);
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError);
      }
    }
    expect(taken).toEqual([]);
  });
});
