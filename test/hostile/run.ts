// Runs a case of the hostile corpus and says what came of it: by `boot` in any isolation, or by what boots in its place (a pool).

import { type BootOptions, type BootResult, boot, DiskError, KeysConsole } from "userboot-wasm";
import { withoutSpinner } from "../support/spinner.js";
import type { Case, Outcome } from "./case.js";

const MIB = 1024 * 1024;
/** No case needs more. */
const LIMITS = { wallMs: 60_000, fuel: 200_000_000, diskBytes: 256 * MIB, consoleBytes: MIB, moduleMemory: 64 * MIB };
/** Typed last. */
const ALIVE = {
  simp: "echo still \\alive",
  "4th": ".( still ) .( alive) cr",
  lua: 'print("still " .. "alive")',
} as const;
const ANSWER = "still alive\n";
const PROMPT = "InputEndedError";

/** What came of a case; the same in every isolation. */
export interface Observed {
  end: string;
  message: string;
  reports: readonly string[];
  text: string;
  /** With digests: what was written to guest memory. */
  memory: BootResult["memory"];
}

/** Boots. */
export type Booting = (options: BootOptions) => Promise<BootResult>;

/** Runs a case. */
export async function observe({ make }: Case, start: Booting = (options) => boot({ ...options, isolation: "none" })) {
  const { disks, lines = [], options = {} } = await make();
  const alive = ALIVE[options.start ?? "simp"];
  const console = new KeysConsole([...lines, alive].map((line) => `${line}\r`));
  const told = () => withoutSpinner(console.text).replaceAll("\r\n", "\n");
  try {
    using result = await start({
      start: "simp",
      interfaceVersion: 4,
      clock: "virtual",
      memory: 64 * MIB,
      digests: true,
      ...options,
      env: ["autoboot_delay=NO", "LINES=1000000", ...(options.env ?? [])],
      limits: { ...LIMITS, ...options.limits },
      disks,
      console,
    });
    const { diagnostics, error, memory, reason } = result;
    const end = error?.name ?? reason;
    return { end, message: error?.message ?? "", reports: diagnostics, text: told(), memory } satisfies Observed;
  } catch (error) {
    // An image that can't be used is the caller's concern.
    if (!(error instanceof DiskError)) throw error;
    return { end: error.name, message: error.message, reports: [], text: told(), memory: [] } satisfies Observed;
  }
}

/** What is wrong with what came of a case, a line each. */
export function complaints(got: Observed, { end = PROMPT, hides = [], message = "", ...wanted }: Outcome): string[] {
  const { prints = [], reports = [] } = wanted;
  const wrong: string[] = [];
  if (got.end !== end) wrong.push(`ended with ${got.end}, not ${end}: ${got.message}`);
  if (!got.message.includes(message)) wrong.push(`the message is "${got.message}", without "${message}"`);
  if (end === PROMPT && !got.text.includes(ANSWER)) wrong.push("what was typed last was not done");
  reports.forEach((part, i) => {
    if (got.reports[i]?.includes(part) !== true) wrong.push(`report ${i} is "${got.reports[i]}", without "${part}"`);
  });
  for (const more of got.reports.slice(reports.length)) wrong.push(`reported besides: ${more}`);
  let at = 0;
  for (const part of prints) {
    const found = got.text.indexOf(part, at);
    if (found < 0) wrong.push(`"${part}" is not printed`);
    else at = found + part.length;
  }
  for (const part of hides) if (got.text.includes(part)) wrong.push(`"${part}" is printed`);
  return wrong;
}
