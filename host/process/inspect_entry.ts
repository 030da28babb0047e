// The program of a process that looks into images. It has them and one socket open, an empty environment and no right to
// anything else, and answers as long as somebody asks.

import { serveInspection } from "../inspect/serve.js";
import { AssetModules } from "../modules.js";
import { installNodeFiles } from "../node_files.js";
import { decodeRequest } from "./frames.js";
import { BlockingChannel, CHANNEL_FD, ProcessRequests, receiveStart } from "./link.js";

installNodeFiles();

async function main(): Promise<void> {
  // While the caller gets ready. Whatever is wrong with it is told when it is wanted.
  await new AssetModules(undefined).find("inspect").catch(() => {});
  const channel = new BlockingChannel(CHANNEL_FD, decodeRequest);
  const { start, images } = await receiveStart(channel);
  await serveInspection({ ...start, disks: images }, new ProcessRequests(channel));
}

// Whatever still keeps the event loop then is of no interest.
void main().finally(() => process.exit());
