// A page without a bundler: choose a disk image, watch its loader, see what a machine would start with. The image stays in the
// browser; the loader reads the parts that it needs.

import { boot } from "userboot-wasm";

const screen = document.getElementById("screen");
const machine = document.getElementById("machine");
const notice = document.getElementById("notice");
const decoder = new TextDecoder("latin1");

// What a terminal sends: these edit the line at the loader's prompt.
const KEYS = {
  Enter: "\r",
  Backspace: "\b",
  Escape: "\x1b",
  ArrowUp: "\x1b[A",
  ArrowDown: "\x1b[B",
  ArrowRight: "\x1b[C",
  ArrowLeft: "\x1b[D",
  Home: "\x1b[H",
  End: "\x1b[F",
  Delete: "\x1b[3~",
};

// Where the next character goes.
let at = 0;

const terminal = {
  write(bytes) {
    let text = screen.textContent;
    for (const c of decoder.decode(bytes)) {
      if (c === "\n") at = text.length;
      if (c === "\b") at--;
      else if (c !== "\r") text = text.slice(0, at) + c + text.slice(++at);
    }
    screen.textContent = text;
  },
  connect(input) {
    if (input.keys === "queued")
      notice.textContent = "Keys can't be typed in this browser: the page isn't cross-origin isolated.";
    const onKey = (event) => {
      const key = KEYS[event.key] ?? event.key;
      const isTyped = key.length === 1 || key.startsWith("\x1b");
      if (!isTyped || event.ctrlKey || event.metaKey) return;
      input.push(Uint8Array.from(key, (char) => char.charCodeAt(0)));
      event.preventDefault();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  },
};

document.getElementById("image").addEventListener("change", async ({ target }) => {
  screen.textContent = "";
  at = 0;
  target.blur();
  try {
    const { reason, arch, registers, modules, error } = await boot({
      disks: [target.files[0]],
      memory: 256 * 2 ** 20,
      console: terminal,
    });
    machine.textContent = JSON.stringify({ reason, arch, registers, modules, error }, undefined, 2);
  } catch (error) {
    machine.textContent = error.message;
  }
});
