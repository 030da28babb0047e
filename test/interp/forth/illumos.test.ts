// What illumos' loader adds to Forth, which is there for guests that keep their scripts where illumos does.

import { describe, expect, it } from "vitest";
import type { Files } from "../../support/ufs_image.js";
import { drive } from "../screen.js";

/** What a guest whose scripts are `script` printed. */
async function shown(script: string, more: Files = {}): Promise<string> {
  const files = { "/boot/loader.rc": "include /boot/forth/loader.4th\n", "/boot/forth/loader.4th": script, ...more };
  const { text } = await drive({ "/boot/loader": "no mark", ...files }, [], { env: ["autoboot_delay=NO"] });
  return text.replaceAll("\r", "");
}

describe("Forth for illumos", () => {
  it("has more prefixes: of numbers, comments and texts", async () => {
    expect(await shown("$2500 . 0b101 . 0o17 .\n")).toContain("\n9472 5 15 ");
    expect(await shown("1 . \\this is no word\n2 . //nor this\n")).toMatch(/1 2 /);
    expect(await shown(': said "one text" type ; said\n')).toContain("one text");
  });

  it("goes through directories", async () => {
    const script = `s" /boot/conf.d" fopendir . value fd
fd freaddir . type space fd freaddir . type space fd freaddir . fd fclosedir
s" /boot/forth/loader.4th" fopendir . s" /none" fopendir . depth .
`;
    const text = await shown(script, { "/boot/conf.d/one": "", "/boot/conf.d/two": "" });
    expect(text).toMatch(/-1 -1 one -1 two 0 0 0 0 /);
  });

  it("has no framebuffer, and room for more words than FreeBSD's", async () => {
    expect(await shown('1 2 3 4 5 s" /boot/a.png" fb-putimage . 1 2 3 4 term-drawrect depth .\n')).toContain("0 0 ");
    const words = Array.from({ length: 9000 }, (_, i) => `variable word${i}`).join("\n");
    expect(await shown(`${words}\n.( all of them)\n`)).toMatch(/dictionary full/);
    const fewer = words.split("\n").slice(0, 3500).join("\n");
    expect(await shown(`${fewer}\n.( all of them)\n`)).toContain("all of them");
  });

  it("knows the machine, and the screen's size where it is told", async () => {
    const files = { "/boot/loader.rc": "", "/boot/forth/loader.4th": "" };
    const keys = ["show ISADIR\rshow screen-#rows\rshow screen-#cols\r"];
    const options = { env: ["autoboot_delay=NO"], start: "4th" } as const;
    const told = await drive(files, keys, { ...options, size: { columns: 100, rows: 40 } });
    expect(told.text).toMatch(/amd64\r\nOK show screen-#rows\r\n40\r\nOK show screen-#cols\r\n100\r\n/);
    const untold = await drive(files, keys, options);
    expect(untold.text).toMatch(/variable 'screen-#rows' not found/);
  });

  it("has none of it for others", async () => {
    const { text } = await drive({ "/boot/loader.rc": "" }, ["$2500 .\r", 's" /boot" fopendir\r'], {
      env: ["autoboot_delay=NO"],
      start: "4th",
    });
    expect(text).toContain("$2500 not found");
    expect(text).toContain("fopendir not found");
  });
});
