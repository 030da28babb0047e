// A boot from an input's disks by one flavour, with keys typed and files laid over: by the exports of an instrumented
// module, and by the package's own `boot`.

import { type BootHooks, boot, KeysConsole, type Limits } from "userboot-wasm";
import type { DiskSource } from "../build/host/disks/source.js";
import { LoaderMemory } from "../build/host/memory/loader.js";
import type { Flavour } from "../build/host/modules.js";
import { type BootOptions, sessionOptions } from "../build/host/options.js";
import type { Policy } from "../build/host/policy/imports.js";
import { LOOK_FUEL, LOOK_MS } from "../build/host/problem.js";
import type { Generation } from "../build/host/profile.js";
import { Stop } from "../build/host/state.js";
import type { FuzzDisk } from "./disk.js";
import { type Given, sourcesOf } from "./inspecting.js";
import { LIMITS, type Outcome, outcomeOf, type Session, stateOf } from "./session.js";
import type { Trees } from "./trees.js";

const MEMORY = 64 * 1024 * 1024;
/** FreeBSD's userboot interface without the search for an interpreter, and with it. */
const WITHOUT_SWAP = 4;
const WITH_SWAP = 5;

/** What is booted. */
export interface Booted extends Pick<Given, "format" | "granted"> {
  flavour: Flavour;
  keys?: readonly string[];
  overlay?: Readonly<Record<string, Uint8Array | null>>;
  env?: readonly string[];
  /** The guest's wish for another interpreter is looked for. */
  swaps?: boolean;
  /** Whose loader it is, when that isn't looked for. */
  profile?: Generation;
  /** Keys are a terminal's, some of which edit a line. */
  edits?: boolean;
  /** Trees of `host:`; the package's own are copies of directories, so that such a boot isn't compared with it. */
  trees?: Trees;
  /** What an operator decides, and the same as a policy of a session. */
  hooks?: { hooks: BootHooks; policyOf(limits: Limits): Policy };
}

const withEdits = (console: KeysConsole, edits: boolean) => Object.assign(console, { edits });

/** A disk of more than its bytes, as the package wants it. */
function hostedImage(disks: readonly FuzzDisk[], { format }: Given): readonly DiskSource[] {
  const [image, ...files] = disks.map((disk) => disk.bytes(0, disk.size));
  return [{ image: image!, files, ...(format !== undefined && { format }) }];
}

/** A text as keys. */
export const typedText = (text: Uint8Array | undefined) =>
  Buffer.from(text ?? [])
    .toString("latin1")
    .replaceAll("\n", "\r");

/** A session that boots. */
export function booting(
  disks: readonly FuzzDisk[],
  { flavour, keys = [], overlay = {}, env = [], profile, swaps = false, trees, hooks, edits = false, ...given }: Booted,
): Session {
  const options = {
    disks: sourcesOf(disks, given),
    env: ["autoboot_delay=NO", ...env],
    start: flavour,
    interfaceVersion: swaps ? WITH_SWAP : WITHOUT_SWAP,
    memory: MEMORY,
    clock: "virtual",
    isolation: "none",
    limits: LIMITS,
    ...(profile !== undefined && { profile }),
  } satisfies BootOptions;
  return {
    drive(machine): Outcome {
      const session = {
        ...sessionOptions(options),
        edits,
        overlay: Object.entries(overlay).map(([path, content]) => ({ path, content: content ?? ("absent" as const) })),
      };
      const console = withEdits(new KeysConsole(keys), edits);
      const guest = new LoaderMemory(MEMORY, 0);
      const state = stateOf(session, disks, console, guest, hooks?.policyOf(session.limits));
      let outcome: Outcome = { end: "returned", text: "", fault: "the loader returned" };
      try {
        machine.run(
          state,
          (core) => {
            state.meter.start(core as never);
            core.grantFuel!(state.meter.left);
            core.seedHash?.(session.hashSeed);
            if (session.profile !== undefined) core.wantProfile!(session.profile);
            let thrown: unknown = new Error("the loader returned");
            try {
              const granted = session.images.reduce((sum, { count }) => sum + count, 0);
              core.loader_main!(session.interfaceVersion, disks.length - granted);
            } catch (error) {
              thrown = error;
              if (!(thrown instanceof Stop)) state.meter.suspended(() => core.flushOutput?.());
            }
            outcome = outcomeOf(thrown, "", machine.size);
            if (outcome.fault !== undefined || thrown instanceof Stop) return;
            // Why nothing was booted is asked for in the package, too.
            state.meter.settle(LOOK_FUEL, LOOK_MS);
            core.grantFuel!(state.meter.left);
            core.explain!();
          },
          trees,
        );
      } catch (error) {
        // What explaining ends with counts only where it is a defect.
        const { fault } = outcomeOf(error, "", machine.size);
        if (fault !== undefined) outcome.fault ??= fault;
      }
      guest.release();
      return { ...outcome, text: console.text };
    },

    async hosted(): Promise<Outcome> {
      const console = withEdits(new KeysConsole(keys), edits);
      const images = options.disks === disks ? disks : hostedImage(disks, given);
      using result = await boot({ ...options, disks: images, overlay, console, ...(hooks && { hooks: hooks.hooks }) });
      const { reason, error } = result;
      const end =
        reason === "exec"
          ? "exec"
          : reason === "exit"
            ? `exit ${result.exitCode}`
            : `${error?.name}: ${error?.message}`;
      return { end, text: console.text, fault: error?.name === "InternalError" ? end : undefined };
    },
  };
}
