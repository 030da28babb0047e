// @ts-check
// What a person does in `<userboot-editor>`, from an image to a kernel that runs, state by state: test/e2e/editor/looks.test.ts looks
// at each, scripts/editor-pictures.mjs takes pictures of some. Plain JavaScript, as scripts run without a compiler.

/** @typedef {import("playwright-core").Page} Page */

/**
 * Goes to the tab of that name.
 * @param {Page} page
 * @param {string} name
 */
export const tab = (page, name) => page.getByRole("tab", { name, exact: true }).click();

/**
 * Opens a sample of the page's that boots.
 * @param {Page} page
 * @param {string} name
 */
export async function openSample(page, name) {
  await page.getByRole("button", { name: new RegExp(`^${name}`) }).click();
  await page.getByText(/^It will boot/).waitFor();
}

/**
 * Waits until the guest's console shows `words`.
 * @param {Page} page
 * @param {string} words
 */
export const consoleShows = (page, words) =>
  page.waitForFunction(
    (words) =>
      /** @type {import("userboot-wasm/editor").UserbootEditor} */ (
        document.querySelector("userboot-editor")
      ).text.includes(words),
    words,
  );

/**
 * Boots, with Enter at the samples' menu.
 * @param {Page} page
 */
export async function bootByMenu(page) {
  await page.getByRole("button", { name: "Boot", exact: true }).first().click();
  await consoleShows(page, "Booting in");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "What happened" }).waitFor();
}

/**
 * Runs the kernel of the last boot in v86, to the end of what the samples' kernel prints; what the serial port shows.
 * @param {Page} page
 */
export async function runToEnd(page) {
  await tab(page, "Run");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const serial = page.getByRole("log", { name: "Serial output" });
  await serial.filter({ hasText: /^end: /m }).waitFor();
  return serial.innerText();
}

/**
 * Goes through all states of a sample; `see` is told of each by its name.
 * @param {Page} page
 * @param {string} sample
 * @param {(state: string) => Promise<unknown> | unknown} see
 */
export async function walk(page, sample, see) {
  await page.getByRole("button", { name: new RegExp(`^${sample}`) }).waitFor();
  await see("open");
  await openSample(page, sample);
  await see("disks");
  await tab(page, "Files");
  await page.getByRole("button", { name: "loader.conf", exact: true }).click();
  await page.getByLabel("Content", { exact: true }).waitFor();
  await see("files");
  await tab(page, "Set-up");
  const conf = page.getByRole("textbox", { name: "/boot/loader.conf" });
  await conf.press("Control+End");
  await conf.pressSequentially('menu_title="Changed in the editor"\nnot a line\nboot_verb');
  await page.getByRole("button", { name: "boot_verbose" }).waitFor();
  await see("setup");
  const fits = page.getByRole("button", { name: "Set these variables" });
  if (await fits.isVisible()) await fits.click();
  await conf.press("Control+End");
  await conf.press("Control+Space");
  await page.getByRole("button", { name: "Boot", exact: true }).first().click();
  await consoleShows(page, "Booting in");
  await page.keyboard.press("3");
  await page.getByText("The guest waits for a key").waitFor();
  await see("boot");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "What happened" }).click();
  await page.getByText("How it ended").waitFor();
  await see("result");
  await page.getByRole("heading", { name: "Memory" }).scrollIntoViewIfNeeded();
  await page.getByRole("region", { name: "Registers" }).scrollIntoViewIfNeeded();
  await see("memory");
  await page.evaluate(() => scrollTo(0, 0));
  await tab(page, "Run");
  await see("taken away");
  if (!(await page.getByRole("button", { name: "Run", exact: true }).isVisible())) return;
  await runToEnd(page);
  await see("run");
}
