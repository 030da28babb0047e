// The targets in the host: a new one is a line here.

import { callerTargets } from "./callers.js";
import { cellTargets } from "./cells.js";
import { exportTargets } from "./exports.js";
import { importTargets } from "./imports.js";
import { packTarget } from "./pack.js";
import { serveTarget } from "./serve.js";
import type { HostTarget } from "./target.js";

export const HOST_TARGETS: readonly HostTarget[] = [
  ...importTargets,
  ...exportTargets,
  ...cellTargets,
  ...callerTargets,
  packTarget,
  serveTarget,
];
