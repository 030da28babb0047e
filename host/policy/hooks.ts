// The hooks of a boot: what an operator may decide while a guest's loader runs. A hook answers with a
// verdict; `undefined` lets things go on as the guest asked. Hooks run in the caller's thread, wherever
// the session runs, and are trusted; what they are told comes from the guest and is not.

import type { EntryRegisters } from "../handoff/registers.js";

/** Stops the boot: it ends with a PolicyError that names `rule` (the hook's name when absent) and the subject. */
export interface Denial {
  /** Why. */
  readonly deny: string;
  /** Which rule says so. */
  readonly rule?: string;
}

/** Why a file is opened. */
export type FilePurpose = "script" | "kernel" | "module" | "raw" | "data";

/** A file about to be used, hashed as the loader will see it (after decompression). */
export interface FileFacts {
  /** As the loader prints it: `disk0p2:`, `host0:`. */
  readonly device: string;
  /** Absolute path on the device. Guest bytes as U+0000..U+00FF. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  /** What for. */
  readonly purpose: FilePurpose;
}

/** The kernel about to be entered. */
export interface KernelFacts {
  /** Its path, as the guest gave it. */
  readonly path: string;
  /** Its arguments, as `boot -sv` gave them. */
  readonly args: string;
}

/** The last look before the kernel is entered. */
export type MachineFacts = EntryRegisters & {
  /** The files that were loaded, the kernel first; sizes in bytes. */
  readonly modules: readonly { readonly name: string; readonly type: string; readonly size: number }[];
  /** The kernel's environment, name to value. */
  readonly environment: Readonly<Record<string, string>>;
};

/** Waits for `expect` on the console, then types `send`. Rules fire in order, each once. */
export interface ConsoleRule {
  /** A text that the console shows. */
  readonly expect: string;
  /** What is typed then. */
  readonly send: string;
}

/** Chooses a menu entry by (part of) its text: types the key that the menu shows before it. */
export interface MenuRule {
  /** A part of the entry's text. */
  readonly menu: string;
}

/** What an operator decides; hooks that are absent let everything go on. */
export interface BootHooks {
  /** The caller's environment before the loader starts. Answers changes: a value, or null to leave a name out. */
  onEnvironment?(environment: Readonly<Record<string, string>>): Readonly<Record<string, string | null>> | undefined;
  /** A script or command sets a variable. */
  onSetenv?(name: string, value: string): Denial | { readonly value: string } | undefined;
  /** A file is about to be used. */
  onFile?(file: FileFacts): Denial | { readonly replace: Uint8Array } | undefined;
  /** A kernel is about to be entered: its arguments may be replaced. */
  onKernel?(kernel: KernelFacts): Denial | { readonly args: string } | undefined;
  /** Everything is in place. */
  onExec?(machine: MachineFacts): Denial | undefined;
  /** What to type when. */
  readonly automation?: readonly (ConsoleRule | MenuRule)[];
}

/** Names of the hooks that are functions. */
export const HOOK_NAMES = ["onEnvironment", "onSetenv", "onFile", "onKernel", "onExec"] as const;
/** Name of a hook that is a function. */
export type HookName = (typeof HOOK_NAMES)[number];
