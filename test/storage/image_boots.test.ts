// The project's own guest behind images of all formats, as QEMU writes them: it is entered as from its raw image, with the
// same bytes in its memory.

import { type BootResult, boot, type DiskSource } from "userboot-wasm";
import { afterAll, describe, expect, it } from "vitest";
import { guestImage } from "../support/guests.js";
import { convert, QEMU_IMG, QEMU_VARIANTS } from "../support/qemu_img.js";
import { Scratch } from "../support/scratch.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());

describe.skipIf(!QEMU_IMG)("the guest", () => {
  const raw = scratch.file("guest.img", guestImage("amd64-ufs2-gpt"));
  /** What a boot comes to that depends on the disk's bytes. */
  const outcome = async (disk: DiskSource) => {
    const options = { start: "simp", interfaceVersion: 4, isolation: "none", clock: "virtual", digests: true } as const;
    using result: BootResult = await boot({ ...options, disks: [disk] });
    const { reason, registers, memory, modules, environment, error, diagnostics } = result;
    return { reason, registers, memory, modules, environment, error, diagnostics };
  };
  const plain = outcome(raw);

  it("boots from its raw image", async () => {
    expect(await plain).toMatchObject({ reason: "exec", diagnostics: [] });
  });

  it.each(QEMU_VARIANTS)("boots from $name", async (variant) => {
    const [image, ...files] = convert(scratch.path, raw, variant);
    expect(await outcome({ image: image!, format: variant.format, files })).toEqual(await plain);
  });
});
