// The exit statuses of all commands, for the code, for `--help` and for docs/operating.md, which a test holds to this.

/** It didn't succeed; of a look into images, what it looked for isn't there, or not all of it. */
export const STATUS_FAILED = 1;
/** What the user gave can't be used. */
export const STATUS_USAGE = 2;
/** The guest asks for a reboot. */
export const STATUS_REBOOT = 3;
/** bhyveload's statuses for a reboot and for an argument that can't be used; and userboot-bhyve's own, for what reaches it damaged. */
export const BHYVELOAD = { reboot: 2, usage: 64, damaged: 65 } as const;

/** What each status means; those that are no number stand for others. */
type Meanings = Readonly<Record<string, string>>;

const WRONG = { [STATUS_USAGE]: "wrong usage, unreadable input or unwritable output" };
const LOADER: Meanings = {
  0: "the kernel is entered",
  [STATUS_FAILED]: "the boot failed, or the loader quit or was left",
  ...WRONG,
  [STATUS_REBOOT]: "the loader asks for a reboot",
};
const READ: Meanings = { 0: "it is printed", ...WRONG };
const WALK: Meanings = { ...READ, [STATUS_FAILED]: "something below the path can't be read, which is named" };

/** By command. */
export const STATUSES = {
  boot: LOADER,
  pack: { ...LOADER, 0: "the kernel is entered, and the file written" },
  run: {
    0: "the guest was powered off, or left by its user",
    [STATUS_FAILED]: "the loader failed, quit or was left; the guest panicked or loops; KVM or the monitor failed",
    ...WRONG,
    [STATUS_REBOOT]: "the guest or its loader asks for a reboot, and --no-reboot is given",
    "128+N": "the monitor was ended by signal N",
    other: "the monitor's own",
  },
  bhyveload: {
    0: "the virtual machine is ready for bhyve",
    [STATUS_FAILED]:
      "the boot failed, the loader quit, the virtual machine can't be made, or the command line is wrong",
    [BHYVELOAD.reboot]: "the loader asks for a reboot",
    [BHYVELOAD.usage]: "an argument can't be used",
    [BHYVELOAD.damaged]: "the machine was damaged on its way",
  },
  serve: { 0: "a signal ended it, in order", [STATUS_USAGE]: "wrong usage, or it can't listen" },
  inspect: { 0: "they would boot", [STATUS_FAILED]: "they would not", ...WRONG },
  ls: WALK,
  cat: READ,
  hash: WALK,
  get: { 0: "all is copied", [STATUS_FAILED]: "something was left out, which is named", ...WRONG },
  diff: { 0: "no difference", [STATUS_FAILED]: "some, or something can't be read, which is named", ...WRONG },
} satisfies Record<string, Meanings>;

/** What the help of `command` says of them. */
export function statusHelp(command: keyof typeof STATUSES): string {
  const meanings = Object.entries<string>(STATUSES[command]);
  const width = Math.max(...meanings.map(([status]) => status.length));
  return ["", "Exit status:", ...meanings.map(([status, text]) => `  ${status.padEnd(width)}  ${text}`)].join("\n");
}
