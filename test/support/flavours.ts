// The flavours as the host knows them, and which of them were built.

import { existsSync } from "node:fs";
import { FLAVOURS } from "../../build/host/modules.js";
import { inRepository } from "./repository.js";

export { FLAVOURS };

/** The path of a flavour's module. */
export const modulePath = (flavour: string): string => inRepository(`build/userboot_${flavour}.wasm`);

/** The flavours that were built. */
export const INSTALLED = FLAVOURS.filter((flavour) => existsSync(modulePath(flavour)));
