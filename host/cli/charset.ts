// How the command line shows the guest's bytes (console/charset.ts): by choice, or by what the terminal takes.

/** How the guest's output is shown: `raw` as it is, `utf-8` with code page 437 drawn, `auto` that where the terminal can. */
export type CharsetChoice = "auto" | "utf-8" | "raw";

/** Whether the terminal that is `output` takes UTF-8, as its environment says. */
export function takesUtf8(output: { isTTY?: boolean }, environment: NodeJS.ProcessEnv): boolean {
  const locale = environment.LC_ALL || environment.LC_CTYPE || environment.LANG || "";
  return output.isTTY === true && /utf-?8/i.test(locale);
}
