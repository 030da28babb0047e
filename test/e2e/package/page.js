// The program of a page that uses the package, as each bundler gets it. Tests call what it leaves in `consumer`.

import { AssetError, boot, inspect, KeysConsole, LimitError, OptionError, PolicyFileError, pack } from "userboot-wasm";

const guest = async () => (await fetch("/guest.img")).blob();
const OPTIONS = { start: "lua", interfaceVersion: 4, clock: "virtual", env: ["boot_serial=1"] };

async function bootGuest(more) {
  const console = new KeysConsole(["\r"]);
  const result = await boot({ ...OPTIONS, disks: [await guest()], console, ...more });
  return { result, text: console.text };
}

/** How a promise is rejected: by the error's name, by its class, and all else that it tells. */
async function rejection(promise, kind) {
  try {
    return { resolved: String(await promise) };
  } catch (error) {
    return {
      name: error.name,
      known: error instanceof kind,
      message: error.message,
      url: error.url,
      status: error.status,
    };
  }
}

const nowhere = () => new URL("/nowhere/asset", location.href);

globalThis.consumer = {
  isolated: globalThis.crossOriginIsolated,

  async first() {
    const { result, text } = await bootGuest();
    const { reason, arch, flavour, swaps, error } = result;
    if (reason !== "exec") return { reason, error };
    const [multiboot, machine] = [pack(result), await pack(result, "machine")];
    return { reason, arch, flavour, swaps, text, packed: [multiboot.length, machine.length] };
  },

  async swap() {
    const { flavour, swaps } = (await bootGuest({ interfaceVersion: 5 })).result;
    return { flavour, swaps };
  },

  async trees() {
    const console = new KeysConsole(["more host0:/note\r", "quit\r"]);
    const note = new TextEncoder().encode("granted\n");
    await boot({ start: "simp", clock: "virtual", env: ["autoboot_delay=NO"], console, hostTrees: [{ note }] });
    return console.text;
  },

  async inspect() {
    const inspection = await inspect({ disks: [await guest()] });
    const { device } = inspection;
    await inspection.close();
    return device;
  },

  async policy() {
    const { loadLuaPolicy } = await import("userboot-wasm/policy");
    const policy = (text) => loadLuaPolicy(new TextEncoder().encode(text), "policy.lua", { sha256: () => "" });
    const hooks = policy('function onKernel() return deny("no") end');
    const disks = [new Uint8Array(await (await guest()).arrayBuffer())];
    const { result } = await bootGuest({ disks, hooks, isolation: "none" });
    const broken = await rejection(Promise.resolve("?").then(policy), PolicyFileError);
    return { error: result.error?.name, broken };
  },

  async errors() {
    const { result } = await bootGuest({ limits: { fuel: 1000 } });
    return {
      limit: result.error,
      option: await rejection(boot({ memory: 0 }), OptionError),
      module: await rejection(boot({ assets: { modules: { "4th": nowhere() } }, start: "4th" }), AssetError),
      bytes: await rejection(boot({ assets: { modules: { "4th": new ArrayBuffer(8) } }, start: "4th" }), AssetError),
      worker: await rejection(boot({ assets: { worker: nowhere() } }), AssetError),
      swapped: (await bootGuest({ interfaceVersion: 5, assets: { modules: { simp: nowhere() } } })).result.error,
      limitError: new LimitError("fuel", 1, 2).name,
    };
  },
};
