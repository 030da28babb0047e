// The images, set-up and results of an editor, without its elements.

import { expect, it } from "vitest";
import { Guest } from "../../build/host/editor/guest.js";
import { fileImage } from "../../build/host/editor/images.js";
import { Inspection } from "../../build/host/inspect/inspection.js";
import { guestImage } from "../support/guests.js";

const image = (name: "amd64-ufs2-gpt" | "i386-ufs1-mbr") => fileImage(new File([guestImage(name).slice()], name));

it("what is known of a guest isn't of the one that takes its place", async () => {
  const guest = new Guest();
  const { system } = Inspection.prototype;
  let second: Promise<void> | undefined;
  // The first answer is there already when the second guest comes.
  Inspection.prototype.system = async function (...given) {
    const answer = await system.apply(this, given);
    second ??= guest.open([image("i386-ufs1-mbr")]);
    return answer;
  };
  try {
    await guest.open([image("amd64-ufs2-gpt")]);
    expect(second).toBeDefined();
    expect(guest.busy).toBe(true);
    expect(guest.system).toBeUndefined();
    await second;
    expect(guest.system?.architecture).toBe("i386");
  } finally {
    Inspection.prototype.system = system;
    await guest.open([]);
  }
});
