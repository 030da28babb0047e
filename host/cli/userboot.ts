#!/usr/bin/env node

// The command line: `userboot boot -d IMAGE ...`. Exit status: 0 entered the kernel, 1 failed or the guest
// quit, 2 wrong usage or unreadable input, 3 the guest asked for a reboot.

import { readFileSync } from "node:fs";
import type { Command as CommandType } from "commander";
import { startSpareWorker } from "../worker/node_spawn.js";
import type { BootArguments } from "./boot.js";
import type { PackArguments } from "./pack.js";
import type { RunArguments } from "./run.js";

// The worker gets ready while this thread loads the rest.
if (["boot", "run", "pack"].includes(process.argv[2] ?? "")) startSpareWorker();
const { Command, CommanderError, Option } = await import("commander");

const USAGE_STATUS = 2;

const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as {
  version: string;
};

const collect = (value: string, previous: string[]): string[] => [...previous, value];
const flavour = (flags: string, text: string) => new Option(flags, text).choices(["4th", "lua", "simp"]);

const program = new Command("userboot")
  .description("FreeBSD's userboot as a WebAssembly sandbox")
  .version(version, "--version", "show the version")
  .helpOption("--help", "show help")
  .helpCommand(false)
  .configureOutput({
    outputError: (text, write) => write(text.replace(/^error: /, "userboot: ")),
  })
  .exitOverride();

/** The options of a boot, which all commands take. */
const bootOptions = (command: CommandType): CommandType =>
  command
    .helpOption("--help", "show help")
    .option("-d, --disk <image>", "raw disk image, also gzip'd (.gz), read only (repeat for more disks)", collect, [])
    .option("-m, --memory <size>", "memory of the guest", "256M")
    .option("-e, --env <name=value>", "loader variable (repeat for more)", collect, [])
    .option("--no-default-env", "don't set boot_serial=1 and smbios.bios.vendor=BHYVE")
    .addOption(flavour("-l, --loader <flavour>", "use this interpreter, whatever the guest asks for"))
    .addOption(flavour("--start <flavour>", "start with this interpreter; the guest may change it"))
    .addOption(new Option("-c, --console <kind>", "the guest's console").choices(["stdio", "none"]).default("stdio"))
    .addOption(new Option("--interface <version>", "userboot interface").choices(["3", "4", "5"]).default("5"))
    .option(
      "-h, --host-dir <dir>",
      "directory that the guest sees as host0:, copied (repeat for host1: ...)",
      collect,
      [],
    )
    .option("-S, --wired", "wire guest memory (accepted, no effect)")
    .option("-C, --core-dump", "include guest memory in core dumps (accepted, no effect)")
    .option("--input <keys>", "keys to type, or @FILE: \\r \\n \\e \\b \\\\ \\xHH, \\w{N} waits N seconds")
    .addOption(new Option("--clock <kind>", "virtual: waits pass at once").choices(["real", "virtual"]).default("real"))
    .option("--hash-seed <number>", "order in which Lua's pairs lists string keys (default: 0)")
    .option("--out <dir>", "write result.json and mem.bin (sparse) there")
    .option("--json", "print the result; the guest's console then goes to stderr")
    .option("--verbose", "tell on stderr which interpreters ran, and why")
    .option("--limit <name=value>", "budget of the session, e.g. wallMs=60000 (repeat)", collect, [])
    .option("--policy <file>", "the operator's boot policy, in Lua (examples/policies)")
    .option("--grant <name=file>", "file that the policy may read (repeat)", collect, [])
    .option("--measure", "list every file that was used, with digests")
    .addHelpText("after", "\nCtrl-] leaves the guest's console.");

bootOptions(program.command("boot"))
  .description("boot a guest: run its loader, load its kernel, set up the machine")
  .action(async (options: BootArguments) => {
    const { bootCommand } = await import("./boot.js");
    process.exitCode = await bootCommand(options);
  });

bootOptions(program.command("run"))
  .description("boot a guest, then run it in a virtual machine")
  .option("--vmm <name>", "qemu (its PC), q35 or microvm", "qemu")
  .option("--write", "let the guest write to its disks (else its writes are dropped at the end)")
  .argument("[arguments...]", "more arguments for the virtual machine monitor, after --")
  .action(async (extra: string[], options: RunArguments) => {
    const { runCommand } = await import("./run.js");
    process.exitCode = await runCommand(options, extra);
  });

bootOptions(program.command("pack"))
  .description("boot a guest and write the machine as one file")
  .requiredOption("-o, --output <file>", "file to write")
  .option(
    "--format <name>",
    "multiboot (QEMU -kernel, GRUB, v86), pvh (microvm, Firecracker), core or symbols (gdb)",
    "multiboot",
  )
  .option("--map <name>", "whose memory map the guest is told: bhyve, qemu, q35 or v86 (default by format)")
  .action(async (options: PackArguments) => {
    const { packCommand } = await import("./pack.js");
    process.exitCode = await packCommand(options);
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

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : USAGE_STATUS;
}
