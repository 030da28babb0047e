// --log json: what happens, an object of JSON a line on stderr, and nothing else there (docs/operating.md). Texts of the guest can
// show a character in it and do nothing else.

import { printable } from "../text.js";

/** Bytes that wait for whoever reads them, at most. */
const WAITING_MAX = 1024 * 1024;

let on = false;
let dropped = 0;

/** Has all that is told told as events. */
export function logAsJson(): void {
  on = true;
}

/** Whether it is. */
export function isLogging(): boolean {
  return on;
}

/** Tells of an event, if events are told. What nobody takes is dropped, and counted. */
export function log(event: string, fields: Readonly<Record<string, unknown>> = {}): void {
  if (!on) return;
  if (process.stderr.writableLength > WAITING_MAX) {
    dropped++;
    return;
  }
  if (dropped > 0) write("dropped", { events: dropped });
  dropped = 0;
  write(event, fields);
}

function write(event: string, fields: Readonly<Record<string, unknown>>): void {
  const shown = (_name: string, value: unknown) => (typeof value === "string" ? printable(value) : value);
  process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), event, ...fields }, shown)}\n`);
}
