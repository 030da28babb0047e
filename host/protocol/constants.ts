// Numbers that loader-wasm/protocol.ts gives a meaning, under the names that they have there (test/safety/imports.test.ts
// compares them).

export const DIOCGSECTORSIZE = 0x4004_6480;
export const DIOCGMEDIASIZE = 0x4008_6481;

export const FAULT_INTERNAL = 0;
export const FAULT_FUEL = 1;
export const FAULT_MEMORY = 2;

export const HOOK_FILES = 1;
export const HOOK_SETENV = 2;
export const HOOK_KERNEL = 4;

export const PURPOSE_NONE = -1;
export const PURPOSE_DATA = 0;
export const PURPOSE_SCRIPT = 1;
export const PURPOSE_KERNEL = 2;
export const PURPOSE_MODULE = 3;
export const PURPOSE_RAW = 4;

/** As the size of a file: not known yet, and for the core: to be read from the file itself. */
export const FILE_ITSELF = (1n << 64n) - 1n;
