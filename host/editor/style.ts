// How the editor looks: light and dark as the system has it, from one column to several. A page changes it by the variables.

/** The style sheet of the editor's shadow root, and of a result that is saved as a page. */
export const CSS = `
.editor {
  color-scheme: var(--userboot-editor-scheme, light dark);
  --ground: var(--userboot-editor-ground, light-dark(#f5f6f8, #11151b));
  --card: var(--userboot-editor-card, light-dark(#ffffff, #1a2029));
  --line: light-dark(#d5dae2, #313a47);
  --text: light-dark(#1b2430, #e4e9f0);
  --soft: light-dark(#566172, #a3afbf);
  --accent: var(--userboot-editor-accent, light-dark(#0b62c4, #6db1ff));
  --on-accent: light-dark(#ffffff, #0c1a2b);
  --good: light-dark(#166b39, #6fd49a);
  --good-ground: light-dark(#e3f4e9, #173325);
  --bad: light-dark(#b3261e, #ff9c92);
  --bad-ground: light-dark(#fdeceb, #3d1f1d);
  --warn: light-dark(#7a4d00, #f2c266);
  --warn-ground: light-dark(#fdf3dc, #372c15);
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  background: var(--ground);
  color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  box-sizing: border-box;
  min-height: 100%;
  padding: 0 clamp(0.75rem, 2vw, 2rem) 2rem;
}
.editor *, .editor *::before { box-sizing: border-box; }
.editor [hidden] { display: none !important; }
.inner { max-width: 84rem; margin: 0 auto; }
h2, h3, p, ul, dl, dd, pre, fieldset { margin: 0; padding: 0; border: 0; }
h2 { font-size: 1.05rem; font-weight: 650; }
h3 { font-size: 0.95rem; font-weight: 650; }
code, pre, .mono { font-family: var(--mono); font-size: 0.88em; }
code { overflow-wrap: anywhere; }
a { color: var(--accent); }
small, .soft { color: var(--soft); font-size: 0.87rem; }
button, select, input, textarea {
  font: inherit; color: inherit; background: var(--card); border: 1px solid light-dark(#8b95a5, #5b6879);
  border-radius: 7px; padding: 0.32rem 0.7rem; min-height: 2.15rem; max-width: 100%;
}
button { cursor: pointer; font-weight: 550; }
button:hover:not(:disabled) { border-color: var(--accent); color: var(--accent); }
button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button.main:hover:not(:disabled) { color: var(--on-accent); filter: brightness(1.08); }
button.plain { border-color: transparent; background: none; padding: 0.1rem 0.35rem; min-height: 1.8rem; color: var(--accent); text-align: left; overflow-wrap: anywhere; }
button:disabled { opacity: 0.55; cursor: default; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
textarea { width: 100%; font-family: var(--mono); font-size: 0.85rem; line-height: 1.5; resize: vertical; padding: 0.6rem 0.7rem; }
.bar { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; }
.bar > .grow { flex: 1 1 12rem; min-width: 0; }
.head { display: flex; flex-wrap: wrap; gap: 0.4rem 1rem; align-items: center; padding: 0.9rem 0 0.7rem; }
.head .name { font-weight: 700; font-size: 1.15rem; letter-spacing: -0.01em; overflow-wrap: anywhere; flex: 1 1 12rem; }
.verdict { display: flex; gap: 0.7rem; border-radius: 10px; padding: 0.75rem 1rem; border: 1px solid var(--line); background: var(--card); }
.verdict p { overflow-wrap: anywhere; }
.verdict.boots { background: var(--good-ground); border-color: var(--good); }
.verdict.fails { background: var(--bad-ground); border-color: var(--bad); }
.verdict .mark { font-weight: 700; flex: none; }
.verdict.boots .mark { color: var(--good); } .verdict.fails .mark { color: var(--bad); }
.verdict ul { margin: 0.25rem 0 0 1.1rem; font-size: 0.9rem; }
[role=tablist] { display: flex; gap: 0.15rem; overflow-x: auto; border-bottom: 1px solid var(--line); margin: 0.9rem 0 1rem; scrollbar-width: thin; }
[role=tab] { background: none; border: 0; border-bottom: 3px solid transparent; border-radius: 0; padding: 0.45rem 0.85rem; color: var(--soft); white-space: nowrap; }
[role=tab][aria-selected=true] { color: var(--text); border-bottom-color: var(--accent); }
[role=tab]:focus-visible { outline-offset: -3px; }
[role=tabpanel] { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); }
[role=tabpanel]:focus-visible { outline-offset: 4px; }
.card > button { justify-self: start; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1rem 1.1rem; display: grid; gap: 0.7rem; align-content: start; min-width: 0; grid-template-columns: minmax(0, 1fr); }
.two { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); align-items: start; }
.stack { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); min-width: 0; }
@media (min-width: 60rem) { .two { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); } .two.wide-right { grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); } }
.field { display: grid; gap: 0.2rem; grid-template-columns: minmax(0, 1fr); align-content: start; }
.field > input, .field > select { width: 100%; }
.ends { align-items: end; justify-content: center; }
.field > span { font-size: 0.87rem; font-weight: 600; }
.chip { display: inline-block; border-radius: 999px; padding: 0 0.6rem; font-size: 0.8rem; font-weight: 600; border: 1px solid var(--line); color: var(--soft); white-space: nowrap; }
.chip.good { color: var(--good); background: var(--good-ground); border-color: transparent; }
.chip.bad { color: var(--bad); background: var(--bad-ground); border-color: transparent; }
.chip.warn { color: var(--warn); background: var(--warn-ground); border-color: transparent; }
.note { border-left: 3px solid var(--accent); padding: 0.1rem 0 0.1rem 0.75rem; }
.note.bad { border-color: var(--bad); } .note.warn { border-color: var(--warn); } .note.good { border-color: var(--good); }
.tree, .tree ul { list-style: none; display: grid; gap: 0.35rem; grid-template-columns: minmax(0, 1fr); }
.tree ul { margin: 0.35rem 0 0.2rem 0.55rem; padding-left: 0.9rem; border-left: 1px solid var(--line); }
.tree .row { display: flex; flex-wrap: wrap; gap: 0.15rem 0.6rem; align-items: baseline; }
.tree .row strong { font-family: var(--mono); font-size: 0.88rem; overflow-wrap: anywhere; }
.parts { display: flex; height: 1.5rem; border-radius: 6px; overflow: hidden; border: 1px solid var(--line); background: var(--ground); }
.parts i { display: block; min-width: 2px; border-right: 1px solid var(--card); background: color-mix(in oklab, var(--accent) 55%, var(--card)); }
.parts i:nth-child(even) { background: color-mix(in oklab, var(--accent) 30%, var(--card)); }
.parts i.gap { background: none; }
.drop { border: 2px dashed light-dark(#8b95a5, #5b6879); border-radius: 14px; padding: clamp(1.2rem, 4vw, 2.6rem) 1rem; text-align: center; display: grid; gap: 0.8rem; justify-items: center; background: var(--card); }
.drop.over { border-color: var(--accent); background: color-mix(in oklab, var(--accent) 9%, var(--card)); }
.samples { display: grid; gap: 0.7rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 16rem), 1fr)); list-style: none; }
.samples button { width: 100%; height: 100%; text-align: left; padding: 0.8rem 1rem; display: grid; gap: 0.15rem; align-content: start; background: var(--card); border-color: var(--line); }
.samples button span { font-weight: 400; color: var(--soft); font-size: 0.88rem; }
.scroll { overflow: auto; max-height: 26rem; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 0.87rem; }
th, td { text-align: left; padding: 0.28rem 0.65rem; border-bottom: 1px solid var(--line); vertical-align: middle; }
tr:last-child td { border-bottom: 0; }
thead th { position: sticky; top: 0; background: var(--card); font-weight: 600; color: var(--soft); font-size: 0.8rem; white-space: nowrap; }
td code { white-space: nowrap; }
.view { max-height: 30rem; overflow: auto; border: 1px solid var(--line); border-radius: 8px; padding: 0.7rem; background: var(--ground); white-space: pre-wrap; overflow-wrap: anywhere; }
.view.hex { white-space: pre; }
.crumbs { display: flex; flex-wrap: wrap; align-items: center; font-family: var(--mono); font-size: 0.88rem; }
.lines { display: grid; grid-template-columns: auto minmax(0, 1fr); border: 1px solid light-dark(#8b95a5, #5b6879); border-radius: 8px; overflow: hidden; background: var(--card); }
.lines ol { list-style: none; margin: 0; padding: 0.6rem 0; overflow: hidden; text-align: right; font: 0.85rem/1.5 var(--mono); color: var(--soft); background: var(--ground); user-select: none; }
.lines ol li { padding: 0 0.5rem; }
.lines ol li.bad { background: var(--bad-ground); color: var(--bad); font-weight: 700; }
.lines textarea { border: 0; border-radius: 0; min-height: 15rem; white-space: pre; overflow: auto; display: block; outline-offset: -2px; }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.2rem 1rem; font-size: 0.9rem; }
.facts dt { color: var(--soft); } .facts dd { overflow-wrap: anywhere; }
.map { display: grid; gap: 0.9rem; }
.map svg { width: 100%; height: 1.7rem; display: block; border-radius: 4px; }
.map .ends { display: flex; justify-content: space-between; }
.map .frame { fill: color-mix(in oklab, var(--line) 45%, var(--card)); }
.map .kernel, .key.kernel { fill: light-dark(#0b62c4, #4a98ef); background: light-dark(#0b62c4, #4a98ef); }
.map .module, .key.module { fill: light-dark(#12805c, #3fbf8f); background: light-dark(#12805c, #3fbf8f); }
.map .tables, .key.tables { fill: light-dark(#a35200, #e59a3c); background: light-dark(#a35200, #e59a3c); }
.map .data, .key.data { fill: light-dark(#8b2fa8, #cb7be4); background: light-dark(#8b2fa8, #cb7be4); }
.map .other, .key.other { fill: light-dark(#6b7787, #8290a3); background: light-dark(#6b7787, #8290a3); }
.key { display: inline-block; width: 0.8em; height: 0.8em; border-radius: 3px; margin-right: 0.35em; }
.phases { display: flex; height: 1.6rem; border-radius: 6px; overflow: hidden; }
.phases i { display: block; min-width: 3px; }
userboot-console {
  border-radius: 10px; block-size: clamp(20rem, 62vh, 34rem); --userboot-console-focus: var(--accent);
  --userboot-console-background: #0b0f14; --userboot-console-foreground: #dde3ea; --userboot-console-red: #ff7b72;
  --userboot-console-green: #5fd38a; --userboot-console-yellow: #e3b55a; --userboot-console-blue: #79a8ff;
  --userboot-console-magenta: #d996f0; --userboot-console-cyan: #5ccfe0; --userboot-console-bright-black: #8c98a8;
}
.serial { min-height: 14rem; max-height: 24rem; overflow: auto; background: #0b0f14; color: #d8dee9; padding: 0.7rem; border-radius: 8px; white-space: pre-wrap; overflow-wrap: anywhere; }
.vga { background: #000; color: #ccc; border-radius: 8px; overflow: auto; min-height: 6rem; font: 14px/1.25 var(--mono); padding: 0.4rem; }
.vga > div { white-space: pre; }
progress { width: 100%; accent-color: var(--accent); }
.said:empty { min-height: 0; }
.drop .said { color: var(--bad); }
@media (max-width: 36rem) { .head .name { flex-basis: 100%; } userboot-console { block-size: 17rem; }  .card { padding: 0.8rem 0.75rem; border-radius: 10px; } .facts { grid-template-columns: minmax(0, 1fr); gap: 0; } .facts dd { margin-bottom: 0.4rem; } [role=tab] { padding: 0.45rem 0.6rem; } }
@media (prefers-reduced-motion: no-preference) { button, [role=tab] { transition: border-color 0.12s, color 0.12s; } }
`;

/** Of the element itself. */
export const HOST_CSS = ":host { display: block; } :host([hidden]) { display: none; } .editor { min-height: 100%; }";
