// The package on Node.

import { installNode } from "./node.js";

installNode();

export * from "./api.js";
export { FileDisk, fileDisk, type OpenFile } from "./disks/file.js";
export type {
  GaugeCallback,
  LatencyHistogram,
  MetricAttributes,
  MetricOptions,
  PoolEvent,
  PoolMeter,
  PoolOutcome,
  PoolRefusal,
  PoolStats,
} from "./pool/measures.js";
export type { PoolBootOptions, PoolCloseOptions, PoolLimits, PoolOptions } from "./pool/options.js";
export { createPool, type Pool } from "./pool/pool.js";
