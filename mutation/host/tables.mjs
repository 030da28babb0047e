// Which tests fit which folder of host/, and how their mutants are seen.
//
// `anyThread` folders run in threads and processes of sessions, where StrykerJS can't count what a test reaches: every one of
// their tests runs for every mutant (of these files, where it is a list). The others' tests run only where they reach it.

import { dirname, join } from "node:path";
import { filesBelow } from "../../scripts/core.mjs";

/**
 * Tests of a folder of test/, by names with spaces between them.
 * @type {(folder: string, names: string) => string[]}
 */
const below = (folder, names) => names.split(" ").map((name) => `${folder}/${name}`);

/** The folders: tests as paths below test/. */
export const FOLDERS = {
  memory: { tests: ["host/memory", "host/protocol"] },
  wasi: { tests: ["host/guarded", "host/trees", "host/host_directory", "host/host_tree"] },
  policy: {
    tests: ["policy/imports", "policy/answers", "policy/lua", "policy/questions", "policy/examined", "policy/hooks"],
  },
  protocol: {
    tests: [
      ...["host/imports", "host/waiting_imports", "host/protocol", "host/caps", "host/session", "host/overlay"],
      "safety/damage",
    ],
  },
  worker: {
    tests: [
      "host/channel",
      "host/channel_page",
      "host/caps",
      "host/ends",
      "host/key_messages",
      "host/thread_code",
      "policy/hooks",
    ],
    anyThread: true,
  },
  process: {
    tests: ["host/process_limits", "host/frames", "host/spare", "policy/hooks", "host/elsewhere"],
    anyThread: true,
  },
  isolation: {
    tests: below("host", "body cells results_checked frames ends keys elsewhere"),
    anyThread: true,
  },
  disks: {
    tests: below("host", "ranges devices ends http_disk compressed promised_disks layout"),
    anyThread: true,
  },
  console: { tests: ["host/charset", "host/editing", "host/keys", "host/session", "policy/lua"] },
  inspect: {
    tests: below("inspect", "verdict inspect walls known system broken taken_over hostile places"),
    anyThread: ["host/inspect/serve.ts"],
  },
  handoff: {
    tests: [...below("handoff", "pack pack_hostile environment qmp vmms dry_run"), "host/caps", "handoff/monitors"],
    // The command line has these.
    anyThread: below("host/handoff", "cloud_hypervisor.ts firecracker.ts qemu.ts vmm.ts vmms.ts"),
  },
  machine_file: { tests: ["host/machine_file", "host/machine_options", "host/root_for"] },
  pool: { tests: ["host/pool_queue", "host/pool_options", "host/pool"] },
  serve: { tests: below("serve", "answers images tenants shares clients"), anyThread: true },
  cli: {
    tests: [
      ...below("host", "cli run_machine spare charset cli_text cli_help operating cli_images"),
      ...["handoff/dry_run", "handoff/monitors", "inspect/cli"],
    ],
    anyThread: true,
  },
  ".": {
    tests: [
      ...below("host", "options session sizes maybe errors wanted assets clock imports result modules module_source"),
      ...below("host", "overlay cells elsewhere text trap profile keys charset"),
    ],
  },
};

/** Folders that only browsers run: their tests drive Chromium. */
export const NOT_MUTATED = { editor: "Chromium runs it", element: "Chromium runs it", wasm: "addresses, no code" };

/** What only pages load of other folders. */
const OF_PAGES = /\/(?:browser\w*|page_assets|fetched|unpack_blob)\.ts$/;

/** The sources of a folder of host/; "." are those directly in it, "" all. */
export function sourcesOf(folder) {
  const files = filesBelow("host").filter((path) => /(?<!\.d)\.ts$/.test(path) && !OF_PAGES.test(path));
  if (folder === ".") return files.filter((path) => dirname(path) === "host");
  return files.filter((path) => path.startsWith(join("host", folder, "/")));
}
