// The smallest page with an editor: the element is all of the interface. The page offers samples, and listens.

import "/node_modules/userboot-wasm/build/editor.js";

const editor = document.getElementById("editor");
const state = document.getElementById("state");

editor.samples = [
  {
    name: "A sample guest",
    description: "amd64, with a menu",
    url: "/node_modules/userboot-wasm/images/amd64-menu.img.gz",
  },
];
editor.addEventListener("opened", ({ detail }) => {
  state.textContent = detail.sentence;
});
editor.addEventListener("booted", ({ detail }) => {
  state.textContent = `The boot is over: ${detail.reason}.`;
});
editor.addEventListener("error", ({ detail }) => {
  state.textContent = detail.message;
});
