// Where things lie, for the sources of the tests and for what is compiled of them alike (test/soak, test/conformance):
// both are two folders below the repository.

import { fileURLToPath } from "node:url";

/** The path of the file or folder `path` of this repository. */
export const inRepository = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));
