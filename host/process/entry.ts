// The program of a session's process. It has its images and one socket open, an empty environment and no right to
// anything else; it runs one session and ends, unless its caller may have more of them.

import { deserialize } from "node:v8";
import { runBody } from "../isolation/body.js";
import { AssetModules } from "../modules.js";
import { installNodeFiles } from "../node_files.js";
import { BlockingChannel, CHANNEL_FD, ProcessLine, receiveStart } from "./link.js";

installNodeFiles();
const channel = new BlockingChannel(CHANNEL_FD, deserialize);

async function main(): Promise<void> {
  let stays: boolean | undefined;
  do {
    const { start, images } = await receiveStart(channel, (name) => new AssetModules(undefined).find(name));
    stays = start.stays;
    await runBody({ ...start, disks: images }, new ProcessLine(channel, start));
  } while (stays);
}

// Whatever still keeps the event loop then is of no interest.
void main().finally(() => process.exit());
