// The command line: `userboot boot -d IMAGE ...`. statuses.ts has the exit statuses. A signal ends the program as itself.

import { readFileSync } from "node:fs";
import { Command, CommanderError, Option } from "commander";
import { ROOT_MACHINES } from "../machine_file/root_for.js";
import { FLAVOURS } from "../modules.js";
import { CONFINES, ISOLATIONS } from "../options.js";
import { GENERATIONS } from "../profile.js";
import { DEFAULT_MEMORY } from "./arguments.js";
import type { BhyveloadArguments } from "./bhyveload.js";
import type { BootArguments } from "./boot_arguments.js";
import { complain } from "./complain.js";
import { endAsTold } from "./ending.js";
import type { GrantedArgument } from "./images.js";
import type { CatArguments } from "./inspect_cat.js";
import type { InspectArguments } from "./inspect_common.js";
import type { GetArguments } from "./inspect_get.js";
import type { ListArguments } from "./inspect_ls.js";
import { log, logAsJson } from "./log.js";
import type { PackArguments } from "./pack.js";
import type { RunArguments } from "./run.js";
import { REBOOTS_MAX } from "./run_reboots.js";
import type { ServeArguments } from "./serve.js";
import { STATUS_FAILED, STATUS_USAGE, statusHelp } from "./statuses.js";
import { writeWhole } from "./whole_writes.js";

/** bhyveload's 2 is a loader that asks for a reboot. Commander's own errors have 1, too, and are told apart. */
const BHYVELOAD_USAGE = -1;

// Node waits in a write to a terminal, and hears no signal while a terminal takes nothing. There is no public way to
// have it go on; where this one is gone, such a terminal has to be closed.
for (const stream of [process.stdout, process.stderr]) {
  (stream as { _handle?: { setBlocking?(on: boolean): void } })._handle?.setBlocking?.(false);
  writeWhole(stream);
}

// Output that can't be written is an error also when nobody reads any more what it is.
let hasFailed = false;
process.stderr.on("error", () => outputFailed());
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // A reader who went away knows.
  if (error.code !== "EPIPE" && !hasFailed) complain(`standard output can't be written (${error.code})`);
  outputFailed();
});

/** Has the program exit with the status of unwritable output, whatever comes of the rest. */
function outputFailed(): void {
  if (hasFailed) return;
  hasFailed = true;
  process.once("exit", () => {
    process.exitCode = STATUS_USAGE;
  });
}
const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** bhyveload's options by their letters, and ours. */
type BhyveloadOptions = Omit<
  BhyveloadArguments,
  "console" | "disk" | "env" | "memory" | "hostDir" | "loader" | "wired" | "coreDump"
> & { c: string; C?: boolean; d: string[]; e: string[]; h?: string; l?: string; m: string; S?: boolean };

const collect = (value: string, previous: string[]): string[] => [...previous, value];
const flavour = (flags: string, text: string) => new Option(flags, text).choices(FLAVOURS);
const isolationOption = (text: string) =>
  new Option("--isolation <level>", text).choices(ISOLATIONS).default("process");
const confineOption = () =>
  new Option("--confine <how>", "what holds its process: bubblewrap where it works, none, or bwrap").choices(CONFINES);
/** Collects files, each with how many disks of `command` came before it. */
const grantedTo = (command: Command) => (file: string, before: GrantedArgument[]) => [
  ...before,
  { disks: command.opts<{ disk: string[] }>().disk.length, file },
];

/** Tells which options the command line itself has. */
const givenIn = (command: Command) => (option: string) => command.getOptionValueSource(option) === "cli";

const program = new Command("userboot")
  .description("FreeBSD's userboot as a WebAssembly sandbox")
  .version(version, "--version", "show the version")
  .helpOption("--help", "show help")
  .helpCommand(false)
  .configureOutput({
    outputError: (text) =>
      complain(
        text
          .replace(/^error: /, "")
          // Most likely an image that should be a disk.
          .replace(/^(too many arguments for '(?!serve|help|diff).*)\.$/m, "$1: a disk is given by -d IMAGE")
          .trimEnd()
          .replaceAll("\n", " "),
      ),
  })
  .exitOverride();

/** Options of all that boots. */
const limitOption = () =>
  new Option("--limit <name=value>", "budget of the session, e.g. wallMs=60000 (repeat)")
    .argParser(collect)
    .default([]);
const profileOption = () =>
  new Option("--profile <release>", "emulate the loader of FreeBSD 12.1 and before, 13, 14, or 15 and 16")
    .choices(["auto", ...GENERATIONS.map(String)])
    .default("auto");
const policyOption = () => new Option("--policy <file>", "the operator's boot policy, in Lua (examples/policies)");
const grantOption = () =>
  new Option("--grant <name=file>", "file that the policy may read (repeat)").argParser(collect).default([]);

const logOption = () =>
  new Option("--log <how>", "json: all that is told on stderr as events, an object a line (docs/operating.md)")
    .choices(["text", "json"])
    .default("text");
/** As soon as it is read, so that what is wrong with the rest is told so, too. */
const hearLog = (how: string): void => {
  if (how === "json") logAsJson();
};

/** The options of a boot, which all commands take. */
const bootOptions = (command: Command): Command =>
  command
    .helpOption("--help", "show help")
    .option(
      "-d, --disk <image>",
      "disk: a raw image or a device; other formats are said before the name (qcow2:F, vmdk:F, vhd:F, vhdx:F, vdi:F); .gz .xz .zst .bz2 are unpacked (or gzip:F, xz:F, zstd:F, bzip2:F); behind it ,sectorsize=4096 and ,ro; never written (repeat for more disks)",
      collect,
      [],
    )
    .option(
      "--backing <file>",
      "file that the disk before it needs: data file, backing file, extent; with its format as -d (repeat, in order)",
      grantedTo(command),
      [],
    )
    .option("-m, --memory <size>", "memory of the guest", DEFAULT_MEMORY)
    .option("-e, --env <name=value>", "loader variable (repeat for more)", collect, [])
    .option(
      "--currdev <device>",
      "boot from this device, e.g. disk0p2: or zfs:pool/name: (default: a pool, else a disk)",
    )
    .option("--no-default-env", "don't set boot_serial=1 and smbios.bios.vendor=BHYVE")
    .addOption(
      flavour("-l, --loader <flavour>", "use this interpreter, whatever the guest asks for").conflicts("start"),
    )
    .addOption(flavour("--start <flavour>", "start with this interpreter; the guest may change it"))
    .addOption(new Option("-c, --console <kind>", "the guest's console").choices(["stdio", "none"]).default("stdio"))
    .addOption(
      new Option(
        "--charset <how>",
        "how the menus' frames are shown: as characters of UTF-8, raw, or by what the terminal takes",
      )
        .choices(["auto", "utf-8", "raw"])
        .default("auto"),
    )
    .addOption(new Option("--interface <version>", "userboot interface").choices(["3", "4", "5"]).default("5"))
    .addOption(profileOption())
    .option(
      "-h, --host-dir <dir>",
      "directory that the guest sees as host0:, copied (repeat for host1: ...)",
      collect,
      [],
    )
    .option("--host-dir-limit <name=value>", "what -h copies at most, e.g. bytes=1G (repeat)", collect, [])
    .option(
      "--host-dir-strict",
      "refuse what -h would leave out: links that lead nowhere in it, sockets, FIFOs, devices",
    )
    .option(
      "--overlay <dir>",
      "directory whose files the loader finds in the place of the guest's, on the device that is booted from; copied, nothing is written (repeat; later ones win)",
      collect,
      [],
    )
    .option(
      "--overlay-without <path>",
      "file or directory of the guest's that the loader doesn't find, e.g. /boot/loader.conf.local or disk1p2:/boot (repeat)",
      collect,
      [],
    )
    .option(
      "--machine <file>",
      "set-up from a file, machine.json (docs/machine.md); options that are given win, variables and overlays are added",
    )
    .option("--save-machine <file>", "write the set-up to a file, then go on")
    .addOption(
      new Option(
        "--root-for <machine>",
        "set the variables with which the guest finds its root and its clock there, and tell them",
      ).choices(ROOT_MACHINES),
    )
    .option("-S, --wired", "wire guest memory (accepted, no effect)")
    .option("-C, --core-dump", "include guest memory in core dumps (accepted, no effect)")
    .option("--input <keys>", "keys to type, or @FILE: \\r \\n \\e \\b \\\\ \\xHH, \\w{N} waits N seconds")
    .addOption(new Option("--clock <kind>", "virtual: waits pass at once").choices(["real", "virtual"]).default("real"))
    .option("--hash-seed <number>", "order in which Lua's pairs lists string keys (default: 0)")
    .option("--out <dir>", "write result.json and mem.bin (sparse) there")
    .option("--json", "print the result of the loader; the guest's console then goes to stderr")
    .option("--verbose", "tell on stderr which interpreters ran, and why, and what was damaged")
    .option("--summary", "tell on stderr in one line what ran, was loaded and came of it")
    .addOption(logOption())
    .on("option:log", hearLog)
    .addOption(limitOption())
    .addOption(isolationOption("where the guest's loader runs (SECURITY.md); none takes no keys but --input's"))
    .addOption(confineOption())
    .addOption(policyOption())
    .addOption(grantOption())
    .option("--measure", "list every file that was used, with digests")
    .addHelpText("after", "\nCtrl-] leaves the loader's console.");

/** The options of all commands that look into images. */
const inspectOptions = (command: Command): Command =>
  command
    .helpOption("--help", "show help")
    .option("-d, --disk <image>", "disk, as `boot` takes it (repeat for more disks)", collect, [])
    .option("--backing <file>", "file that the disk before it needs (repeat, in order)", grantedTo(command), [])
    .option("--limit <name=value>", "budget, e.g. requestMs=10000 (repeat)", collect, [])
    .addOption(isolationOption("where the images are read (SECURITY.md)"))
    .addOption(confineOption());

/** Of those that tell facts. */
const JSON_OPTION = ["--json", "print it as JSON"] as const;

const PATHS = `
A path is as the loader writes it, disk0p2:/boot or zfs:pool/ROOT/name:/etc;
without a device it is on the one that would be booted.`;

bootOptions(program.command("boot"))
  .description("boot a guest: run its loader, load its kernel, set up the machine")
  .addHelpText("after", statusHelp("boot"))
  .action(async (options: BootArguments, command: Command) => {
    const { bootCommand } = await import("./boot.js");
    process.exitCode = await bootCommand({ ...options, given: givenIn(command) });
  });

bootOptions(program.command("run"))
  .description("boot a guest, then run it in a virtual machine")
  .option(
    "--vmm <name>",
    "qemu (its PC), q35 or microvm; cloud-hypervisor and firecracker, which are only told of (--dry-run ...)",
    "qemu",
  )
  .addOption(
    new Option("--accel <kind>", "what executes the guest's code: KVM, QEMU's translator, or KVM where it works")
      .choices(["auto", "kvm", "tcg"])
      .default("auto"),
  )
  .option("--write", "let the guest write to its disks (else its writes are dropped at the end)")
  .option("--no-reboot", "end when the guest reboots (else its loader runs again)")
  .option(
    "--max-reboots <number>",
    "end a guest that reboots more often in a row, each time within 10 minutes",
    String(REBOOTS_MAX),
  )
  .addOption(
    new Option("--dry-run", "print how the monitor would be started, quoted for a shell; nothing is booted").conflicts([
      "printJson",
      "printConfig",
    ]),
  )
  .addOption(new Option("--print-json", "the same as JSON").conflicts("printConfig"))
  .option("--print-config", "print the monitor's own configuration as JSON (cloud-hypervisor, firecracker)")
  .option("--image <file>", "the packed guest in it, which `userboot pack` writes", "guest.elf")
  .argument("[arguments...]", "more arguments for the virtual machine monitor, after --")
  .addHelpText("after", statusHelp("run"))
  .action(async (extra: string[], options: RunArguments, command: Command) => {
    const { runCommand } = await import("./run.js");
    process.exitCode = await runCommand({ ...options, given: givenIn(command) }, extra);
  });

bootOptions(program.command("pack"))
  .description("boot a guest and write the machine as one file")
  .requiredOption("-o, --output <file>", "file to write, or - (standard output; the console then goes to stderr)")
  .option(
    "--format <name>",
    "multiboot (QEMU -kernel, GRUB, v86), pvh (microvm, Firecracker, Cloud Hypervisor), core or symbols (gdb), machine (bhyve)",
    "multiboot",
  )
  .option(
    "--map <name>",
    "whose memory map the guest is told: bhyve, qemu, q35, v86, cloud-hypervisor or firecracker (default by format)",
  )
  .addHelpText("after", statusHelp("pack"))
  .action(async (options: PackArguments, command: Command) => {
    const { packCommand } = await import("./pack.js");
    process.exitCode = await packCommand({ ...options, given: givenIn(command) });
  });

program
  .command("bhyveload")
  .description("boot a guest into a bhyve virtual machine, by bhyveload's own command line")
  .helpOption("--help", "show help")
  .option("-c <device>", "the loader's console: stdio, or a terminal such as /dev/nmdm0A", "stdio")
  .option("-C", "include guest memory in core dumps")
  .option("-d <path>", "disk: a raw image or a device; never written (repeat for more disks)", collect, [])
  .option("-e <name=value>", "loader variable (repeat for more)", collect, [])
  .option("-h <dir>", "directory that the guest sees as host0:, copied")
  .option("-l <path>", "use this interpreter, by the name of a userboot: /boot/userboot_4th.so")
  .option("-m <size>", "memory of the guest", DEFAULT_MEMORY)
  .option("-S", "wire guest memory")
  .option("--handoff <program>", "what makes the virtual machine, from a machine file", "userboot-bhyve")
  .addOption(profileOption())
  .addOption(limitOption())
  .addOption(isolationOption("where the guest's loader runs (SECURITY.md)"))
  .addOption(confineOption())
  .addOption(policyOption())
  .addOption(grantOption())
  .argument("<vmname>", "the virtual machine, which is created unless it is there")
  .exitOverride((error) => {
    throw error.exitCode === 0 ? error : new CommanderError(BHYVELOAD_USAGE, error.code, error.message);
  })
  .addHelpText("after", statusHelp("bhyveload"))
  .action(async (vmname: string, { c, C, d, e, h, l, m, S, ...options }: BhyveloadOptions) => {
    const { bhyveloadCommand } = await import("./bhyveload.js");
    const named = { console: c, disk: d, env: e, memory: m, wired: S ?? false, coreDump: C ?? false };
    const given = { ...(h === undefined ? {} : { hostDir: h }), ...(l === undefined ? {} : { loader: l }) };
    process.exitCode = await bhyveloadCommand(vmname, { ...options, ...named, ...given });
  });

program
  .command("serve")
  .description("boot guests for other programs, which ask by HTTP (docs/serve.md)")
  .helpOption("--help", "show help")
  .requiredOption("--listen <place>", "unix:PATH, 127.0.0.1:PORT or [::1]:PORT")
  .option("--token-file <file>", "who may ask: lines TENANT:TOKEN, or *:TOKEN for who boots for many")
  .option("--images <dir>", "directory whose files requests may name (repeat)", collect, [])
  .option("--tenant-images <dir>", "directory with one for each tenant, by its name (repeat)", collect, [])
  .option("--policies <dir>", "directory of boot policies, NAME.lua, which requests name")
  .option("--policy <name>", "the one of requests that name none")
  .addOption(grantOption())
  .option("--size <number>", "boots that run at a time (default: as many as there are processors)")
  .option("--spare <number>", "processes or threads that are ready beforehand (default: as many as --size)")
  .option("--max-queue <number>", "boots that wait, at most (default: 1000)")
  .addOption(
    new Option("--isolation <level>", "where the guests' loaders run (SECURITY.md)")
      .choices(["process", "thread"])
      .default("process"),
  )
  .addOption(confineOption())
  .addOption(
    new Option("--reuse <whose>", "use a process or thread again: never, or for the same tenant")
      .choices(["never", "tenant"])
      .default("never"),
  )
  .option("--pool-limit <name=value>", "guestMemory, bootMemory, tenantRunning, tenantQueued (repeat)", collect, [])
  .option("--limit <name=value>", "budget of a boot, which requests can lower, e.g. wallMs=10000 (repeat)", collect, [])
  .option(
    "--serve-limit <name=value>",
    "bodyBytes, sendMs, drainMs, unsentBytes and others of docs/serve.md (repeat)",
    collect,
    [],
  )
  .addOption(logOption())
  .on("option:log", hearLog)
  .addHelpText(
    "after",
    `
SIGTERM ends it in order: it takes no more, and finishes what it has. A second
one ends all at once.
${statusHelp("serve")}`,
  )
  .action(async (options: ServeArguments) => {
    const { serveCommand } = await import("./serve.js");
    process.exitCode = await serveCommand(options);
  });

inspectOptions(program.command("inspect"))
  .description("tell what is in images, and whether they would boot")
  .option(...JSON_OPTION)
  .addHelpText("after", statusHelp("inspect"))
  .action(async (options: InspectArguments) => {
    const { inspectCommand } = await import("./inspect.js");
    process.exitCode = await inspectCommand(options);
  });

inspectOptions(program.command("ls"))
  .description("list a directory of an image")
  .option(...JSON_OPTION)
  .option("-l, --long", "with kind, mode, owner, size and time")
  .option("-R, --recursive", "with all below it")
  .argument("[path]", "default: the root", "/")
  .addHelpText("after", `${PATHS}\n${statusHelp("ls")}`)
  .action(async (path: string, options: ListArguments) => {
    const { listCommand } = await import("./inspect_ls.js");
    process.exitCode = await listCommand(path, options);
  });

inspectOptions(program.command("cat"))
  .description("write out files of an image")
  .option("--unpacked", "as the loader would get them: kernel.gz for kernel")
  .argument("<paths...>")
  .addHelpText("after", `${PATHS}\n${statusHelp("cat")}`)
  .action(async (paths: string[], options: CatArguments) => {
    const { catCommand } = await import("./inspect_cat.js");
    process.exitCode = await catCommand(paths, options);
  });

inspectOptions(program.command("get"))
  .description("copy a file or a tree out of an image")
  .option("--tar <file>", "write a tar stream, to - (the standard output)")
  .option("--all-links", "keep links that lead out of the copied tree")
  .argument("<source>")
  .argument("[destination]", "a directory to copy into, or a new name (default: .)")
  .addHelpText(
    "after",
    `${PATHS}
Nothing is written outside the destination, and nothing that is there is
replaced. Holes of files are kept.
${statusHelp("get")}`,
  )
  .action(async (source: string, destination: string | undefined, options: GetArguments) => {
    const { getCommand } = await import("./inspect_get.js");
    process.exitCode = await getCommand(source, destination, options);
  });

inspectOptions(program.command("hash"))
  .description("SHA-256 digests of files of an image, and of all below directories")
  .option(...JSON_OPTION)
  .argument("<paths...>")
  .addHelpText("after", `${PATHS}\n${statusHelp("hash")}`)
  .action(async (paths: string[], options: InspectArguments) => {
    const { hashCommand } = await import("./inspect_hash.js");
    process.exitCode = await hashCommand(paths, options);
  });

inspectOptions(program.command("diff"))
  .description("what differs between two images")
  .option(...JSON_OPTION)
  .usage("[options] <image1> <image2> [path]")
  .argument("[images...]", "two images, and a directory or file in both (default: /boot)")
  .addHelpText(
    "after",
    `${PATHS}
An image that needs another file is given by -d, and so is the other one:
-d old.img -d qcow2:new.qcow2 --backing old.img [path].
A line begins with - for what only the first has, + for what only the second
has, ! for what differs.
${statusHelp("diff")}`,
  )
  .action(async (operands: string[], options: InspectArguments) => {
    const { diffCommand } = await import("./inspect_diff.js");
    process.exitCode = await diffCommand(operands, options);
  });

program
  .command("help")
  .description("show help of a command")
  .argument("[command]")
  .action((name?: string) => {
    const command = name === undefined ? program : program.commands.find((one) => one.name() === name);
    if (command === undefined) return program.error(`error: unknown command '${name}'`);
    command.outputHelp();
  });

function statusOf({ exitCode }: CommanderError): number {
  if (exitCode === 0) return 0;
  return exitCode === BHYVELOAD_USAGE ? STATUS_FAILED : STATUS_USAGE;
}

async function main(): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = statusOf(error);
      log("exit", { status: process.exitCode });
    } else {
      // A defect of this program. Its text may be a guest's all the same.
      for (const line of String((error as Error)?.stack ?? error).split("\n")) complain(line);
      process.exitCode = STATUS_FAILED;
    }
  }
  endAsTold();
}

void main();
