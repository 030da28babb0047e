// The program of a session's process. It has its images and one socket open, an empty environment and no right to
// anything else; it runs one session, or looks into its images as long as somebody asks, and ends.

import type { SentImage } from "../disks/source.js";
import { runBody } from "../isolation/body.js";
import { installNodeFiles } from "../node_files.js";
import { BlockingChannel, CHANNEL_FD, ProcessLine, ProcessRequests, type ProcessStart } from "./link.js";

installNodeFiles();
const channel = new BlockingChannel(CHANNEL_FD);
const { disks, ...start } = channel.receive().head as ProcessStart;
const images = disks.map(({ name, ...sent }): SentImage => {
  return { ...sent, image: sent.fd === undefined ? channel.receive().body : name };
});
if (start.inspect) {
  const { serveInspection } = await import("../inspect/serve.js");
  await serveInspection({ ...start, disks: images }, new ProcessRequests(channel));
} else {
  await runBody({ ...start, disks: images }, new ProcessLine(channel, start));
}
// Whatever still keeps the event loop is of no interest.
process.exit();
