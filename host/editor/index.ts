// Entry point `userboot-wasm/editor`, for pages: says to the browser what `<userboot-editor>` is.

import "../browser.js";
import { UserbootEditor } from "./editor.js";

export { type EditorEvents, UserbootEditor } from "./editor.js";
export type { Sample } from "./images.js";
export type { Emulator, MakeEmulator } from "./run_view.js";

// A page may have loaded it twice.
if (customElements.get("userboot-editor") === undefined) customElements.define("userboot-editor", UserbootEditor);
