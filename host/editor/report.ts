// A boot's result to pass on: as JSON for programs, or as a page for people, one file each.

import { printableJson } from "../json_text.js";
import { h, shown } from "./dom.js";
import type { Guest } from "./guest.js";
import { resultView } from "./result_view.js";
import { CSS } from "./style.js";
import type { Verdict } from "./verdict.js";

/** What was booted and what came of it, for programs. Texts in it do nothing to a terminal. */
export function jsonReport(guest: Guest, verdict: Verdict): string {
  const { images, machine, result, system } = guest;
  const disks = images.map(({ format, name, size }) => ({ name, format, size }));
  return printableJson({ disks, machine, verdict, system, result });
}

/** The same for people: what the editor shows, without scripts or anything that is fetched. */
export function htmlReport(guest: Guest, verdict: Verdict): string {
  const names = shown(guest.images.map(({ name }) => name).join(", "));
  const title = h("title", {}, `userboot: ${names}`);
  const body = h(
    "div",
    { class: "editor" },
    h(
      "main",
      { class: "inner stack" },
      h("h1", {}, names),
      h("p", { class: `verdict ${verdict.boots ? "boots" : "fails"}` }, shown(verdict.sentence)),
      ...resultView(guest),
      h(
        "section",
        { class: "card" },
        h("h2", {}, "Set-up (machine.json)"),
        h("pre", { class: "view" }, printableJson(guest.machine)),
      ),
    ),
  );
  const policy = "default-src 'none'; style-src 'unsafe-inline'";
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
${title.outerHTML}
<style>body { margin: 0; background: light-dark(#f5f6f8, #11151b); } ${CSS} .scroll, .view { max-height: none; }</style>
${body.outerHTML}
</html>
`;
}
