// A page that does nothing but boot: what it downloads is what a first boot costs.

import { boot } from "userboot-wasm";

globalThis.consumer = {
  async first() {
    const disk = await (await fetch("/guest.img")).blob();
    const options = { start: "lua", interfaceVersion: 4, clock: "virtual", env: ["autoboot_delay=-1"] };
    const { reason, flavour } = await boot({ ...options, disks: [disk] });
    return { reason, flavour };
  },
};
