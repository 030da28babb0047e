// `<userboot-console>` in a real browser, from the built package, under a policy that allows no styles: draws what Node prints,
// takes keys, tells of what happens, and leaves nothing behind. Needs Debian's Chromium.

import type { Page } from "playwright-core";
import { BufferConsole, boot } from "userboot-wasm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Screen } from "../../interp/screen.js";
import { CHROMIUM } from "../../support/chromium.js";
import { guestImage } from "../../support/guests.js";
import { Pages } from "../page.js";

const image = guestImage("amd64-ufs2-gpt");
/** Frames of code page 437: a program of the guest's in the place of its own. */
const FRAME = "echo \xda\xc4\xc4\xbf\n";
const SCRIPT = `import * as userboot from "/build/browser.js"; import "/build/console.js"; globalThis.userboot = userboot;`;
const INDEX = `<!doctype html><title>test</title><button id="before">before</button><div id="place"></div>
<button id="after">after</button><script type="module" src="/page.js"></script>`;

type Console = import("userboot-wasm/console").UserbootConsole;
interface Told {
  type: string;
  name: string;
  message: string;
  reason: string;
  note: string;
  line: string;
}

/** What the tests' programs find in the page. */
interface InPage {
  /** Makes an element, and keeps what it tells. */
  add(attributes: Record<string, string>, properties?: object): Console;
  told: Map<Element, Told[]>;
  image(): Promise<Blob>;
}

function prepare(): void {
  const told = new Map<Element, Told[]>();
  Object.assign(globalThis, {
    told,
    image: async () => (await fetch("/guest.img")).blob(),
    add(attributes: Record<string, string>, properties: object = {}) {
      const element = document.createElement("userboot-console");
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      Object.assign(element, properties);
      const list: Told[] = [];
      told.set(element, list);
      for (const type of ["exec", "exit", "error", "progress", "waiting"]) {
        element.addEventListener(type, (event) => {
          const { detail } = event as CustomEvent;
          const { name = "", message = "", reason = "", line = "", environment } = detail;
          list.push({ type, name, message, reason, line, note: environment?.["demo.note"] ?? "" });
        });
      }
      document.getElementById("place")?.append(element);
      return element;
    },
  });
}

describe.skipIf(CHROMIUM === undefined)("<userboot-console>", { timeout: 60_000 }, () => {
  let pages: Pages;
  beforeAll(async () => {
    pages = await Pages.open();
  });
  afterAll(() => pages?.close());

  const open = (isolated = false) =>
    pages.page(isolated, { "/index.html": INDEX, "/page.js": SCRIPT, "/guest.img": image }, { before: prepare });
  const text = (page: Page, at = 0) =>
    page.evaluate((at) => document.querySelectorAll<Console>("userboot-console")[at]!.text, at);
  const shows = (page: Page, words: string, at = 0) =>
    page.waitForFunction(
      ([words, at]) => document.querySelectorAll<Console>("userboot-console")[at]!.text.includes(words),
      [words, at] as const,
    );
  /** What element `at` has told, but of progress. */
  const told = (page: Page, at = 0) =>
    page.evaluate((at) => {
      const list = (globalThis as unknown as InPage).told.get(document.querySelectorAll("userboot-console")[at]!);
      return (list ?? []).filter(({ type }) => type !== "progress");
    }, at);
  const tells = (page: Page, type: string, at = 0) =>
    page.waitForFunction(
      ([type, at]) =>
        (globalThis as unknown as InPage).told
          .get(document.querySelectorAll("userboot-console")[at]!)
          ?.some((one) => one.type === type),
      [type, at] as const,
    );
  /** Adds an element that boots the sample guest at once. */
  const start = (page: Page, attributes = {}, options = {}) =>
    page.evaluate(
      async ([attributes, options]) => {
        const { add, image } = globalThis as unknown as InPage;
        add({ autoboot: "", ...attributes }, { disks: [await image()], options });
      },
      [attributes, options] as const,
    );

  it.each([true, false])("draws what Node prints, and tells of exec (isolated page: %s)", async (isolated) => {
    const { page, complaints } = await open(isolated);
    await start(page, {}, { clock: "virtual" });
    await tells(page, "exec");
    const console = new BufferConsole();
    const size = { columns: 80, rows: 24 };
    await boot({ disks: [image], clock: "virtual", console: Object.assign(console, { size }) });
    const screen = new Screen();
    screen.write(console.text);
    await shows(page, "Booting [/boot/kernel/kernel]...");
    expect((await text(page)).split("\n")).toEqual(screen.rows.join("\n").trimEnd().split("\n"));
    expect((await told(page)).at(-1)).toMatchObject({ type: "exec", reason: "exec", note: "a value with spaces" });
    expect(complaints).toEqual([]);
    await page.close();
  });

  it.each([true, false])("takes keys, and says when the guest waits (isolated page: %s)", async (isolated) => {
    const { page, complaints } = await open(isolated);
    await start(page);
    await shows(page, "Hit [Enter]");
    await page.locator("userboot-console").focus();
    await page.keyboard.press("x");
    await shows(page, "OK");
    await page.waitForFunction(() =>
      [...(globalThis as unknown as InPage).told.values()].flat().some(({ line }) => line === "OK"),
    );
    await page.keyboard.type("set demo.note=typed\nboot\n");
    await tells(page, "exec");
    expect((await told(page)).at(-1)).toMatchObject({ type: "exec", note: "typed" });
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("draws frames, and takes an overlay, a memory size and an environment", async () => {
    const { page, complaints } = await open();
    await page.evaluate(async (frame) => {
      const { add, image } = globalThis as unknown as InPage;
      const script = Uint8Array.from(frame, (character) => character.charCodeAt(0));
      const element = add(
        { memory: "128M", environment: "demo.first=1\n demo.note=given\n" },
        { disks: [await image()], overlay: { "/boot/loader.rc": script }, options: { clock: "virtual" } },
      );
      await element.boot();
    }, FRAME);
    expect((await told(page)).at(-1)).toMatchObject({ type: "exec", note: "given" });
    await shows(page, "┌──┐");
    const environment = await page.evaluate(
      () => document.querySelector<Console>("userboot-console")!.result?.environment,
    );
    expect(environment).toMatchObject({ "demo.first": "1" });
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("reads a disk of its attribute by ranges, as markup alone", async () => {
    const markup = `<userboot-console autoboot disks=" disk.img " memory="64M"></userboot-console>`;
    const { page, complaints } = await pages.page(
      true,
      { "/index.html": INDEX.replace("<button", `${markup}$&`), "/page.js": SCRIPT },
      {
        other({ headers }, response) {
          const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
          const part = image.subarray(Number(from ?? Number.NaN), Number(to) + 1);
          const range = `bytes ${from}-${Number(from) + part.length - 1}/${image.length}`;
          response.writeHead(206, { "content-range": range, etag: '"1"' }).end(part);
        },
      },
    );
    await shows(page, "Hit [Enter]");
    await page.locator("userboot-console").focus();
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector<Console>("userboot-console")!.result?.reason === "exec");
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("has two on a page, each with keys of its own", async () => {
    const { page, complaints } = await open();
    await start(page);
    await start(page);
    await shows(page, "Hit [Enter]", 0);
    await shows(page, "Hit [Enter]", 1);
    for (const at of [0, 1]) {
      await page.locator("userboot-console").nth(at).focus();
      await page.keyboard.press("x");
    }
    for (const at of [1, 0]) {
      await shows(page, "OK", at);
      await page.locator("userboot-console").nth(at).focus();
      await page.keyboard.type(`set demo.note=of-${at}\nboot\n`);
      await tells(page, "exec", at);
      expect((await told(page, at)).at(-1)).toMatchObject({ note: `of-${at}` });
    }
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("ends with its place in the page, not when it is moved; and can come back", async () => {
    const { page, complaints } = await open();
    await start(page);
    await shows(page, "Hit [Enter]");
    expect(page.workers()).toHaveLength(1);
    await page.evaluate(() => document.body.prepend(document.querySelector("userboot-console")!));
    await page.locator("userboot-console").focus();
    await page.keyboard.press("x");
    await shows(page, "OK");
    const gone = page.workers()[0]!;
    const closed = new Promise((done) => gone.once("close", done));
    const rest = await page.evaluate(async () => {
      const element = document.querySelector<Console>("userboot-console")!;
      Object.assign(globalThis, { kept: element });
      element.remove();
      await new Promise(requestAnimationFrame);
      const told = (globalThis as unknown as InPage).told.get(element)!;
      const { running, text, shadowRoot } = element;
      const left = shadowRoot!.childElementCount + shadowRoot!.adoptedStyleSheets.length;
      return { running, text, left, errors: told.filter(({ type }) => type === "error") };
    });
    expect(rest).toEqual({ running: false, text: "", left: 0, errors: [] });
    await closed;
    expect(page.workers()).toHaveLength(0);
    await page.evaluate(() => document.body.append((globalThis as unknown as { kept: Element }).kept));
    await shows(page, "Hit [Enter]");
    expect(page.workers()).toHaveLength(1);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("says what is wrong: an attribute, an image, a guest that fails", async () => {
    const { page, complaints } = await open();
    await page.evaluate(() => (globalThis as unknown as InPage).add({ memory: "lots" }));
    await tells(page, "error");
    const wrong = { type: "error", name: "OptionError", message: expect.stringContaining("bad memory size 'lots'") };
    expect(await told(page)).toEqual([expect.objectContaining(wrong)]);
    await shows(page, "bad memory size 'lots'");
    const outcome = await page.evaluate(async () => {
      const element = document.querySelector<Console>("userboot-console")!;
      element.setAttribute("memory", "64M");
      element.disks = [new Blob([])];
      const first = await element.boot();
      element.disks = [new Blob([new Uint8Array(65536)])];
      element.options = { limits: { fuel: 1000 } };
      const second = await element.boot();
      Object.assign(element, { options: { signal: new AbortController().signal } });
      const third = await element.boot();
      return [first?.reason, second?.reason, third?.reason];
    });
    expect(outcome).toEqual([undefined, "error", undefined]);
    expect((await told(page)).slice(1)).toMatchObject([
      { name: "OptionError", message: "disks[0] is empty, not a disk image" },
      { name: "LimitError", message: expect.stringContaining("limit fuel exceeded") },
      { name: "OptionError", message: `options: "signal" is the element's own matter` },
    ]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("lets Tab pass, has a name, takes pasted text, and gives what is selected", async () => {
    const { page, complaints } = await open();
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await start(page, { label: "The guest", "screen-reader": "" });
    await shows(page, "Hit [Enter]");
    await page.locator("#before").focus();
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.localName)).toBe("userboot-console");
    await page.keyboard.press("x");
    await shows(page, "OK");
    await page.evaluate(() => navigator.clipboard.writeText("echo pasted\nset demo.note=pasted\n"));
    await page.keyboard.press("Control+V");
    await shows(page, "\npasted\n");
    const { nodes } = await (await page.context().newCDPSession(page)).send("Accessibility.getFullAXTree");
    const named = nodes.filter(({ name }) => name?.value === "The guest");
    expect(named.map(({ role }) => role?.value)).toEqual(["group", "textbox"]);
    await page.locator("userboot-console .xterm-accessibility-tree", { hasText: "pasted" }).waitFor();
    const row = page.locator("userboot-console .xterm-rows > div", { hasText: /^pasted/ });
    const { x, y, height } = (await row.boundingBox())!;
    await page.mouse.dblclick(x + 10, y + height / 2);
    await page.keyboard.press("Control+C");
    await expect.poll(() => page.evaluate(() => navigator.clipboard.readText())).toBe("pasted");
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("after");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("before");
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("fits its box, tells the guest its size, and takes its colours from the page", async () => {
    const { page, complaints } = await open();
    const sizes = await page.evaluate(async () => {
      const { add, image } = globalThis as unknown as InPage;
      const element = add({}, { disks: [await image()], options: { clock: "virtual" } });
      element.style.setProperty("--userboot-console-background", "#123456");
      element.restyle();
      const found: (readonly [string, string, boolean])[] = [];
      for (const width of [1200, 390]) {
        element.style.width = `${width}px`;
        element.style.height = "700px";
        await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
        const result = await element.boot();
        const { COLUMNS = "", LINES = "" } = result?.environment ?? {};
        found.push([COLUMNS, LINES, element.scrollWidth <= element.clientWidth]);
      }
      const viewport = element.shadowRoot!.querySelector(".xterm-scrollable-element")!;
      return { found, colour: getComputedStyle(viewport).backgroundColor };
    });
    const [[columns, lines], narrow] = sizes.found as [[string, string], [string, string, boolean]];
    expect(Number(columns)).toBeGreaterThan(100);
    expect(Number(lines)).toBeGreaterThan(30);
    expect(Number(narrow[0])).toBeGreaterThanOrEqual(80);
    expect(Number(narrow[0])).toBeLessThan(90);
    expect(narrow[2]).toBe(true);
    expect(sizes.colour).toBe("rgb(18, 52, 86)");
    expect(complaints).toEqual([]);
    await page.close();
  });
});
