// The intruder in a session's process: asked for on the socket, it answers there.

import { readSync, writeSync } from "node:fs";
import { intrude } from "./intruder.mjs";

const CHANNEL_FD = 3;
const line = new Uint8Array(4096);
const asked = JSON.parse(new TextDecoder().decode(line.subarray(0, readSync(CHANNEL_FD, line))));
const tries = await intrude(asked);
writeSync(CHANNEL_FD, JSON.stringify(tries));
process.exit();
