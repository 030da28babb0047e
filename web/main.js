// The page of the editor: gives it samples and an emulator, and keeps all of it for when there is no network.

import emulator from "v86/build/v86.wasm?url";
import amd64 from "../images/amd64-menu.img.gz?url";
import plain from "../images/amd64-ufs2-gpt.img.gz?url";
import i386 from "../images/i386-menu.img.gz?url";
import "../build/editor.js";

const editor = document.querySelector("userboot-editor");

// It is large: who runs no i386 guest doesn't fetch it.
editor.makeEmulator = async (options) => {
  const { V86 } = await import("v86");
  return new V86({ ...options, wasm_path: emulator, disable_mouse: true, disable_speaker: true });
};

editor.samples = [
  {
    name: "amd64 with a menu",
    description: "GPT and UFS2; a Lua menu, a kernel that prints what it was handed",
    url: amd64,
  },
  { name: "i386 with a menu", description: "MBR and UFS2; runs on in this page, in v86", url: i386 },
  {
    name: "amd64, scripts only",
    description: "GPT and UFS2; the simple interpreter, a module, a countdown",
    url: plain,
  },
];

if ("serviceWorker" in navigator && import.meta.env.MODE === "production")
  await navigator.serviceWorker.register("./sw.js");
