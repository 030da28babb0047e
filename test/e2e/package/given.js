// A page whose bundle is a classic script, which doesn't know where it is: it says where everything else is.

import { AssetError, boot } from "userboot-wasm";
import lua from "userboot-wasm/wasm/lua.wasm";
import worker from "userboot-wasm/worker";

async function first(assets) {
  const disk = await (await fetch("/guest.img")).blob();
  const options = { start: "lua", interfaceVersion: 4, clock: "virtual", env: ["autoboot_delay=-1"] };
  const { reason } = await boot({ ...options, disks: [disk], assets });
  return reason;
}

globalThis.consumer = {
  async given() {
    const bytes = async () => (await fetch(lua)).arrayBuffer();
    return [
      await first({ worker, modules: { lua } }),
      await first({ worker: new URL(worker, location.href), modules: { lua: await bytes() } }),
      await first({ worker: () => new Worker(worker), modules: { lua: bytes() } }),
      await first({ worker, modules: { lua: WebAssembly.compile(await bytes()) } }),
    ];
  },

  async missing() {
    const refused = async (assets) => {
      const error = await first(assets).catch((error) => error);
      return error instanceof AssetError ? error.message : String(error);
    };
    return [await refused({ worker }), await refused({ modules: { lua } })];
  },
};
