// Every target: a new one is a line in one of these tables, with a base.

import { dragonflyTargets } from "./bases/dragonfly.js";
import { hostileTargets } from "./bases/hostile.js";
import { loadingTargets } from "./bases/loading.js";
import { partitionTargets } from "./bases/partitions.js";
import { policyTargets } from "./bases/policies.js";
import { poolTargets } from "./bases/pools.js";
import { scriptTargets } from "./bases/scripts.js";
import { storageTargets } from "./bases/storage.js";
import { systemTargets } from "./bases/systems.js";
import type { Target } from "./target.js";

export const TARGETS: readonly Target[] = [
  ...partitionTargets,
  ...storageTargets,
  ...poolTargets,
  ...policyTargets,
  ...loadingTargets,
  ...scriptTargets,
  ...systemTargets,
  ...dragonflyTargets,
  ...hostileTargets,
];
