// The smallest page with a guest: the element is the console and boots it. It begins with the package's sample, and takes
// an image of yours, which stays in the browser.

import "/node_modules/userboot-wasm/build/console.js";

const guest = document.getElementById("guest");
const state = document.getElementById("state");

guest.addEventListener("waiting", ({ detail }) => {
  state.textContent = `The guest waits: ${detail.line}`;
});
guest.addEventListener("exec", ({ detail }) => {
  const { arch, registers } = detail;
  state.textContent = `The ${arch} kernel would be entered at ${registers.rip ?? registers.eip}.`;
});
guest.addEventListener("exit", ({ detail }) => {
  state.textContent = `The loader quit (${detail.exitCode}).`;
});
guest.addEventListener("error", ({ detail }) => {
  state.textContent = detail.message;
});

function boot(file) {
  guest.disks = [file];
  guest.focus();
  return guest.boot();
}

document.getElementById("image").addEventListener("change", ({ target }) => boot(target.files[0]));

const sample = await fetch("/node_modules/userboot-wasm/images/amd64-ufs2-gpt.img.gz");
await boot(new File([await sample.blob()], "guest.img.gz"));
