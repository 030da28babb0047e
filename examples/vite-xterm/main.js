// A page with Vite, and xterm.js for the guest's terminal: colours, frames, and keys as they are typed.

import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { boot, pack, printable } from "userboot-wasm";

const state = document.getElementById("state");
const terminal = new Terminal({ cols: 80, rows: 24 });
terminal.open(document.getElementById("terminal"));

const encoder = new TextEncoder();

/** The guest's console. What it prints is borrowed, and xterm.js writes later: it gets a copy. */
const guestConsole = {
  size: { columns: terminal.cols, rows: terminal.rows },
  write: (bytes) => terminal.write(bytes.slice()),
  connect(input) {
    if (input.keys === "queued") state.textContent = "Keys can't be typed here: the page isn't cross-origin isolated.";
    const typed = terminal.onData((text) => input.push(encoder.encode(text)));
    return () => typed.dispose();
  },
};

let running = new AbortController();

document.getElementById("image").addEventListener("change", async ({ target }) => {
  // A new image ends the boot before it.
  running.abort();
  running = new AbortController();
  const { signal } = running;
  terminal.reset();
  terminal.focus();
  state.textContent = "The loader runs.";
  try {
    const result = await boot({ disks: [target.files[0]], memory: 256 * 2 ** 20, console: guestConsole, signal });
    if (result.reason === "exec") {
      const image = new Blob([pack(result)]);
      state.textContent = `The kernel was entered at ${result.registers.rip}: `;
      const link = document.createElement("a");
      Object.assign(link, { href: URL.createObjectURL(image), download: "guest.elf", textContent: "guest.elf" });
      state.append(link, " for qemu-system-x86_64 -kernel");
    } else state.textContent = printable(result.error?.message ?? `The loader quit (${result.exitCode}).`);
  } catch (error) {
    if (!signal.aborted) state.textContent = printable(error.message);
  }
});
