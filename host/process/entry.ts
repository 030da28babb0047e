// The program of a session's process. It has its images and one socket open, an empty environment and no right to
// anything else; it runs one session and ends.

import { runBody } from "../isolation/body.js";
import { installNodeFiles } from "../node_files.js";
import { BlockingChannel, CHANNEL_FD, ProcessLine, receiveStart } from "./link.js";

installNodeFiles();
const channel = new BlockingChannel(CHANNEL_FD);
const { start, images } = receiveStart(channel);
// Whatever still keeps the event loop then is of no interest.
void runBody({ ...start, disks: images }, new ProcessLine(channel, start)).finally(() => process.exit());
