// The loader's life: console, environment, devices, interpreter check, start-up scripts, autoboot, prompt.

import { autobootMaybe } from "./boot/autoboot";
import { dropNewerCommands } from "./boot/commands";
import { detectProfile } from "./boot/detection";
import { exitLoader } from "./boot/ending";
import { Interpreter, setInterpreter } from "./boot/interpreter";
import { checkInterpreter } from "./boot/interpreter_check";
import { emitPrompt } from "./boot/prompt";
import { configure } from "./conf";
import { probeConsoles, startSpinner } from "./console/console";
import { promptLine } from "./console/lines";
import { probeDevices } from "./dev/devices";
import { startPolicy } from "./environment/questions";
import { putenv, setDefault, setenv } from "./environment/variables";
import { ignoresCase } from "./fs/file_systems";
import { startOverlay } from "./fs/overlay";
import { stringAt } from "./lib/bytes";
import { allocate } from "./lib/fault";
import { print } from "./lib/output";
import { startVerbosity } from "./load/verbosity";
import * as host from "./protocol";

/** Interface versions that the loader knows: 4 brought vm_set_*, 5 the interpreter swap. */
const VERSION_MIN: i32 = 3;
const VERSION_SWAP: i32 = 5;

/** Most entries, and bytes of one entry, of the caller's environment. */
const HOST_ENV_LIMIT: i32 = 4096;
const HOST_ENV_ENTRY_LIMIT: i32 = 65536;

/** Runs a session with `interpreter` on `ndisks` disks. Ends only through the host. */
export function loaderMain(interpreter: Interpreter, version: i32, ndisks: i32): void {
  if (version < VERSION_MIN) exitLoader(1);
  configure();
  startPolicy();
  setInterpreter(interpreter);
  probeConsoles();
  print(`\nFreeBSD/amd64 User boot ${interpreter.name}, Revision 1.2\n`);
  setenv("LINES", "24");
  takeHostEnvironment();
  probeDevices(ndisks);
  startOverlay(ignoresCase);
  if (version >= VERSION_SWAP) checkInterpreter(interpreter.name);
  detectProfile();
  dropNewerCommands();
  startSpinner();
  startVerbosity();
  interact(interpreter);
}

/** Puts what the caller gave into the environment. */
function takeHostEnvironment(): void {
  const block = allocate(HOST_ENV_ENTRY_LIMIT);
  for (let i = 0; i < HOST_ENV_LIMIT; i++) {
    const size = host.getenv(i, block, HOST_ENV_ENTRY_LIMIT);
    if (size < 0) break;
    putenv(stringAt(block, min(size, HOST_ENV_ENTRY_LIMIT)));
  }
  heap.free(block);
}

/** Start-up scripts, autoboot, then the prompt for ever. */
function interact(interpreter: Interpreter): void {
  interpreter.init();
  print("\n");
  autobootMaybe();
  print("\nType '?' for a list of commands, 'help' for more detailed help.\n");
  setDefault("prompt", "${interpret}");
  setDefault("interpret", "OK");
  while (true) {
    // The one place where nothing but globals refers to managed objects: this runtime collects only when asked.
    __collect();
    emitPrompt();
    interpreter.run(promptLine());
  }
}
