// A service's figures in Prometheus' text format (version 0.0.4): sums over all tenants, none of whom is named.

import { readdirSync } from "node:fs";
import type { LatencyHistogram, PoolStats } from "../pool/measures.js";

/** What a service counts besides its pool. */
export interface ServiceFigures {
  /** Answers by their status. */
  answers: ReadonlyMap<number, number>;
  /** Answers whose client had gone, or that weren't taken in time. */
  lost: number;
  /** Requests that aren't answered yet. */
  requests: number;
  connections: number;
  unsentBytes: number;
  openImages: number;
  ready: boolean;
}

/** A figure's kind, as the format calls it. */
type Kind = "counter" | "gauge" | "histogram";

/** The content type of `prometheusText`. */
export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const SECOND = 1000;

/** All figures as a text. */
export function prometheusText(pool: PoolStats, service: ServiceFigures): string {
  const lines: string[] = [];
  const add = (name: string, kind: Kind, help: string, values: Iterable<[labels: string, value: number]>) => {
    lines.push(`# HELP userboot_${name} ${help}`, `# TYPE userboot_${name} ${kind}`);
    for (const [labels, value] of values) lines.push(`userboot_${name}${labels} ${value}`);
  };
  const gauge = (name: string, help: string, value: number) => add(name, "gauge", help, [["", value]]);
  const counters = (name: string, help: string, label: string, values: Record<string, number>) => {
    add(
      name,
      "counter",
      help,
      Object.entries(values).map(([key, value]) => [`{${label}="${key}"}`, value]),
    );
  };
  const histogram = (name: string, help: string, { count, sum, buckets }: LatencyHistogram) => {
    add(`${name}`, "histogram", help, []);
    for (const { le, count } of buckets) {
      const bound = Number.isFinite(le) ? String(le / SECOND) : "+Inf";
      lines.push(`userboot_${name}_bucket{le="${bound}"} ${count}`);
    }
    lines.push(`userboot_${name}_sum ${sum / SECOND}`, `userboot_${name}_count ${count}`);
  };
  gauge("ready", "Whether boots are taken.", service.ready ? 1 : 0);
  gauge("queued", "Boots that wait.", pool.queued);
  gauge("running", "Boots that run.", pool.running);
  gauge("spares", "Threads or processes that wait for a boot.", pool.spares);
  gauge("starting", "Threads or processes that will.", pool.starting);
  gauge("guest_memory_bytes", "Guest memory of boots that run.", pool.guestMemory);
  gauge("tenants", "Tenants with a boot, or who had one lately.", pool.tenants);
  counters("boots_total", "Boots by how they ended.", "outcome", pool.done);
  counters("refused_total", "Boots that the pool didn't take.", "reason", pool.refused);
  counters("cells_total", "Threads or processes.", "what", pool.cells);
  histogram("wait_seconds", "How long boots waited.", pool.queueMs);
  histogram("boot_seconds", "How long boots took then.", pool.bootMs);
  add(
    "answers_total",
    "counter",
    "Answers by their status.",
    [...service.answers].sort(([a], [b]) => a - b).map(([status, count]) => [`{status="${status}"}`, count]),
  );
  add("answers_lost_total", "counter", "Answers that nobody took.", [["", service.lost]]);
  gauge("requests", "Requests that aren't answered yet.", service.requests);
  gauge("connections", "Connections.", service.connections);
  gauge("unsent_bytes", "Bytes of answers that aren't sent yet.", service.unsentBytes);
  gauge("open_images", "Images that are open.", service.openImages);
  lines.push(...processLines());
  return `${lines.join("\n")}\n`;
}

/** Of the process, under the names that all programs have for them. */
function processLines(): string[] {
  const { user, system } = process.cpuUsage();
  const lines = [
    "# TYPE process_resident_memory_bytes gauge",
    `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
    "# TYPE process_cpu_seconds_total counter",
    `process_cpu_seconds_total ${(user + system) / 1e6}`,
  ];
  const files = openFiles();
  if (files !== undefined) lines.push("# TYPE process_open_fds gauge", `process_open_fds ${files}`);
  return lines;
}

/** Where the system tells. */
function openFiles(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return undefined;
  }
}
