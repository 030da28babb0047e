// The flavours as the host knows them, and which of them were built.

import { existsSync } from "node:fs";
import { FLAVOURS } from "../../build/host/modules.js";
import { inRepository } from "./repository.js";

export { FLAVOURS };

/** The path of a flavour's module. */
export const modulePath = (flavour: string): string => inRepository(`build/userboot_${flavour}.wasm`);

/** What is built of the core: the flavours, and the module that looks into images. */
export const MODULES = [...FLAVOURS, "inspect"];

/** The flavours that were built. */
export const INSTALLED = FLAVOURS.filter((flavour) => existsSync(modulePath(flavour)));
