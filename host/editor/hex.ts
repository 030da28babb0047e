// Bytes as people read them: sixteen a line, with what would be text beside them.

const WIDTH = 16;

/** The lines of `bytes`, which begin at `start` of their file. */
export function hexLines(bytes: Uint8Array, start = 0): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += WIDTH) {
    const part = bytes.subarray(at, at + WIDTH);
    const digits = Array.from(part, (byte) => byte.toString(16).padStart(2, "0"));
    const left = digits.slice(0, WIDTH / 2).join(" ");
    const right = digits.slice(WIDTH / 2).join(" ");
    const text = Array.from(part, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${(start + at).toString(16).padStart(8, "0")}  ${left.padEnd(23)}  ${right.padEnd(23)}  |${text}|`);
  }
  return lines.join("\n");
}

/** The text of `bytes`; undefined when they are none. Line breaks and tabs stay, whatever else acts is a `?`. */
export function plainText(bytes: Uint8Array): string | undefined {
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true })
      .decode(bytes)
      .replace(/\r\n/g, "\n")
      .replace(/[^\P{Cc}\n\t]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, "?");
  } catch {
    return undefined;
  }
}
