// Entry point `userboot-wasm/console`, for pages: says to the browser what `<userboot-console>` is.

import { UserbootConsole } from "./console.js";

export { type ConsoleBootOptions, type ConsoleEvents, UserbootConsole } from "./console.js";

// A page may have loaded it twice.
if (customElements.get("userboot-console") === undefined) customElements.define("userboot-console", UserbootConsole);
