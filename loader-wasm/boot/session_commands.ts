// Commands on the session itself: ? include quit reboot.

import { closePager, openPager, page } from "../console/pager";
import { CMD_OK } from "../lib/outcome";
import { profile } from "../lib/profile";
import { clip } from "../lib/text";
import { commands } from "./commands";
import { exitLoader } from "./ending";
import { interpreter } from "./interpreter";

/** Exit codes of a session (userboot.h). */
const EXIT_QUIT: i32 = 1;
const EXIT_REBOOT: i32 = 2;

/** `?`: lists the commands that are listed. */
export function commandList(_argv: string[]): i32 {
  const wide = profile.generation >= 15;
  openPager();
  let quit = page("Available commands:\n");
  for (let i = 0; i < commands.length && !quit; i++) {
    if (!commands[i].listed) continue;
    page(wide ? clip(`  ${commands[i].name.padEnd(20)}`, 23) + "  " : clip(`  ${commands[i].name.padEnd(15)}  `, 20));
    page(commands[i].description);
    quit = page("\n");
  }
  closePager();
  return CMD_OK;
}

/** `include FILE...`: runs scripts until one fails. */
export function commandInclude(argv: string[]): i32 {
  let result = CMD_OK;
  for (let i = 1; i < argv.length && result == CMD_OK; i++) result = interpreter().include(argv[i]);
  return result;
}

/** `quit`: ends the session as a loader that gave up. Doesn't return. */
export function commandQuit(_argv: string[]): i32 {
  exitLoader(EXIT_QUIT);
  return CMD_OK;
}

/** `reboot`: ends the session with the wish to start again. Doesn't return. */
export function commandReboot(_argv: string[]): i32 {
  exitLoader(EXIT_REBOOT);
  return CMD_OK;
}
