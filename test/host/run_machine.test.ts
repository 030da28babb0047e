// `userboot run` with programs that stand for QEMU: with KVM that fails in each of its ways, and that end as they like.

import {
  accessSync,
  chmodSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it, test } from "vitest";
import { LOOP_MS, Reboots } from "../../build/host/cli/run_reboots.js";
import { userboot } from "../support/cli.js";
import { guestImage } from "../support/guests.js";
import { Scratch } from "../support/scratch.js";

const scratch = new Scratch();
afterAll(() => scratch[Symbol.dispose]());
const IMAGE = scratch.file("guest.img", guestImage("amd64-ufs2-gpt"));
const OPTIONS = ["-d", IMAGE, "--clock", "virtual", "--start", "simp", "--interface", "4", "-c", "none", "-m", "64"];

/** Speaks QEMU's side of the control channel; `on` has what each command makes it do. */
const SPEAKER = `
const { Socket } = require("node:net");
const control = new Socket({ fd: 3, readable: true, writable: true });
const tell = (message) => control.write(JSON.stringify(message) + "\\r\\n");
const withKvm = process.argv.includes("kvm");
const on = { qmp_capabilities() {}, quit() { process.exit(0); } };
control.on("data", (text) => {
  for (const line of String(text).trim().split("\\n")) {
    const { execute } = JSON.parse(line);
    const answer = on[execute]();
    tell({ return: answer ?? {} });
  }
});
tell({ QMP: {} });
`;
const RUNS = 'on.cont = () => { tell({ event: "RESUME" }); ';
const POWERS_OFF =
  'process.stdout.write("runs\\n", () => { tell({ event: "SHUTDOWN", data: { reason: "guest-shutdown" } }); control.end(() => process.exit(0)); });';

let made = 0;
/** Runs \`userboot run\` where QEMU is this program, of Node's; what it was started with is kept, too. */
function runWith(program: string, more: readonly string[] = []) {
  const directory = join(scratch.path, `bin${made++}`);
  mkdirSync(directory);
  const log = join(directory, "log");
  const path = join(directory, "qemu-system-x86_64");
  const keep = `require("node:fs").appendFileSync(${JSON.stringify(log)}, process.argv.slice(2).join(" ") + "\\n");`;
  writeFileSync(path, `#!${process.execPath}\n${keep}\n${program}`);
  chmodSync(path, 0o755);
  const temporary = mkdtempSync(join(scratch.path, "tmp-"));
  const { stdout, stderr, status } = userboot(["run", ...OPTIONS, ...more], {
    env: { ...process.env, PATH: `${directory}:${process.env.PATH}`, TMPDIR: temporary },
  });
  expect(readdirSync(temporary)).toEqual([]);
  const starts = readFileSync(log, "utf8").trim().split("\n");
  return { stdout, stderr, status, accelerators: starts.map((line) => /-accel (\S+)/.exec(line)?.[1]) };
}

const hasKvm = (() => {
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
    return true;
  } catch {
    console.warn("skipped: what fails with KVM, since there is no /dev/kvm");
    return false;
  }
})();

const WORKS_WITHOUT = `if (!withKvm) { ${RUNS} ${POWERS_OFF} }; }`;
/** How QEMU tells that KVM can't go on. */
const FAULTS = [
  "KVM internal error. Suberror: 1",
  "KVM: entry failed, hardware error 0x80000021",
  "error: kvm run failed Bad address",
];
const FAILURES: [name: string, program: string, told: string][] = [
  ...FAULTS.map((fault): [string, string, string] => [
    `stops at an instruction, and waits (${fault})`,
    `${SPEAKER} ${WORKS_WITHOUT} else {
      on["query-status"] = () => ({ status: "internal-error" });
      const dump = "${fault}\\nextra data[0]: 0x0\\nEAX=00000000 EBX=00000000\\n";
      ${RUNS} process.stderr.write(dump, () => tell({ event: "STOP" })); };
    }`,
    fault,
  ]),
  [
    "stops without a word",
    `${SPEAKER} ${WORKS_WITHOUT} else {
      on["query-status"] = () => ({ status: "internal-error" });
      ${RUNS} tell({ event: "STOP" }); };
    }`,
    "internal error",
  ],
  [
    "can't be started",
    `if (process.argv.includes("kvm")) {
      console.error("qemu-system-x86_64: Could not access KVM kernel module: No such device");
      process.exit(1);
    }
    ${SPEAKER} ${WORKS_WITHOUT}`,
    "qemu-system-x86_64: Could not access KVM kernel module: No such device",
  ],
  [
    "dies before the guest runs",
    `if (process.argv.includes("kvm")) process.kill(process.pid, "SIGABRT");
    else { ${SPEAKER} ${WORKS_WITHOUT} }`,
    "SIGABRT",
  ],
];

describe.skipIf(!hasKvm).each(FAILURES)("KVM that %s", (_name, program, told) => {
  it("is told in one line, and TCG is taken", () => {
    const { stdout, stderr, status, accelerators } = runWith(program);
    expect(stderr).toBe(`userboot: KVM doesn't work here (${told}); the guest runs without it (--accel tcg)\n`);
    expect([stdout, status, accelerators]).toEqual(["runs\n", 0, ["kvm", "tcg"]]);
  });

  it("is an error with --accel kvm", () => {
    const { stderr, status, accelerators } = runWith(program, ["--accel", "kvm"]);
    expect(stderr).toBe(`userboot: KVM doesn't work here (${told})\n`);
    expect([status, accelerators]).toEqual([1, ["kvm"]]);
  });
});

describe.skipIf(!hasKvm)("with KVM that works", () => {
  it("QEMU's messages come through, whole and in order", () => {
    const messages = `process.stderr.write("a warning\\nand ha"); ${RUNS} process.stderr.write("lf a line", () => { ${POWERS_OFF} }); };`;
    const { stderr, status, accelerators } = runWith(`${SPEAKER} ${messages}`);
    expect([stderr, status, accelerators]).toEqual(["a warning\nand half a line", 0, ["kvm"]]);
  });

  it("a wrong argument isn't taken for its failure", () => {
    const { stderr, status, accelerators } = runWith(
      'console.error("qemu: -foo: invalid option"); process.exitCode = 1;',
    );
    expect([stderr, status, accelerators]).toEqual(["qemu: -foo: invalid option\n", 1, ["kvm"]]);
  });
});

describe("without KVM", () => {
  const run = (program: string, more: readonly string[] = []) => runWith(program, ["--accel", "tcg", ...more]);

  it("a machine that stops by an error of its own is one of ours", () => {
    const stops = `on["query-status"] = () => ({ status: "internal-error" }); ${RUNS} tell({ event: "STOP" }); };`;
    const { stderr, status, accelerators } = run(SPEAKER + stops);
    expect(stderr).toBe("userboot: the virtual machine stopped with an internal error\n");
    expect([status, accelerators]).toEqual([1, ["tcg"]]);
  });

  it("a guest that panics is told", () => {
    const panics = POWERS_OFF.replace("guest-shutdown", "guest-panic");
    const { stderr, status } = run(`${SPEAKER} ${RUNS} ${panics} };`);
    expect([stderr, status]).toEqual(["userboot: the guest panicked\n", 1]);
  });

  it("a refusal to start is told in QEMU's words", () => {
    const refuses = 'on.cont = () => { tell({ error: { desc: "not now" } }); };';
    const { stderr, status } = run(SPEAKER + refuses);
    expect([stderr, status]).toEqual(["userboot: the virtual machine can't be started: not now\n", 1]);
  });

  it("a status or a signal of QEMU's own is the command's", () => {
    expect(run("process.exitCode = 9;")).toMatchObject({ status: 9, stderr: "" });
    const { stderr, status } = run('process.kill(process.pid, "SIGSEGV");');
    expect([stderr, status]).toEqual(["userboot: the virtual machine was ended by SIGSEGV\n", 139]);
  });

  it("one that ends with something unread does no harm", () => {
    // What it is told stays in its channel, so its end resets the connection.
    const unread = 'require("node:fs").writeSync(3, "{\\"QMP\\":{}}\\r\\n"); setTimeout(() => process.exit(7), 500);';
    expect(run(unread)).toMatchObject({ status: 7, stderr: "" });
  });

  it("the user's own accelerator is left alone", () => {
    const { accelerators } = runWith("", ["--", "-machine", "accel=tcg"]);
    expect(accelerators).toEqual([undefined]);
  });
});

test("reboots: a guest may reboot for ever when it runs long enough in between", () => {
  const patient = new Reboots(2);
  for (let i = 0; i < 100; i++) expect(patient.allow(LOOP_MS)).toBe(true);
  const hasty = new Reboots(2);
  expect([1, 2, 3].map(() => hasty.allow(LOOP_MS - 1))).toEqual([true, true, false]);
  const mixed = new Reboots(2);
  expect([5, 5, LOOP_MS, 5, 5].map((ms) => mixed.allow(ms))).toEqual([true, true, true, true, false]);
  expect(new Reboots(0).allow(LOOP_MS)).toBe(false);
});
