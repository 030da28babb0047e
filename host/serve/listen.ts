// Where a service listens: a Unix socket, whose file says who may connect, or an address of this machine's own. Nothing else: what
// is reached over a network belongs behind a proxy that has TLS.

import { randomUUID } from "node:crypto";
import { type BigIntStats, existsSync, lstatSync, renameSync, unlinkSync } from "node:fs";
import type { Server } from "node:http";
import { connect } from "node:net";
import { dirname } from "node:path";
import { OptionError } from "../errors.js";

/** A place to listen at. */
export type Place = { path: string } | { host: string; port: number };

const UNIX = "unix:";
/** Rights that the file of a socket doesn't have: others' to connect. */
const SOCKET_UMASK = 0o117;
const LOOPBACK = /^(127\.\d{1,3}\.\d{1,3}\.\d{1,3}|\[::1\]):(\d{1,5})$/;
/** Longer names of sockets are cut off by some systems. */
const PATH_MAX = 100;

/**
 * The place that `text` names: `unix:/run/userboot.sock`, `127.0.0.1:8080`, `[::1]:8080`.
 * @throws OptionError
 */
export function parsePlace(text: string): Place {
  if (text.startsWith(UNIX)) {
    const path = text.slice(UNIX.length);
    if (path.startsWith("/") && Buffer.byteLength(path) <= PATH_MAX && !path.includes("\0")) return { path };
    throw new OptionError(`--listen ${text}: a socket's path is a full one of at most ${PATH_MAX} bytes`);
  }
  const [, host, digits] = LOOPBACK.exec(text) ?? [];
  const port = Number(digits);
  if (host === undefined || port > 0xffff)
    throw new OptionError(
      `--listen ${text}: give unix:PATH, 127.0.0.1:PORT or [::1]:PORT; what comes over a network goes through a proxy`,
    );
  return { host: host.replace(/[[\]]/g, ""), port };
}

/** Has `server` listen at `place`; where that is. A socket that nobody listens at any more is taken away first. */
export async function listenAt(server: Server, place: Place): Promise<string> {
  if ("path" in place) await clear(place.path);
  const before = "path" in place ? process.umask(SOCKET_UMASK) : undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(place, () => {
        server.off("error", reject);
        resolve();
      });
      // The file is made at once.
      if (before !== undefined) process.umask(before);
    });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new OptionError(`can't listen at ${"path" in place ? place.path : `${place.host}:${place.port}`} (${code})`);
  }
  const address = server.address();
  if (address === null || typeof address === "string") return `${UNIX}${address}`;
  return address.family === "IPv6" ? `[${address.address}]:${address.port}` : `${address.address}:${address.port}`;
}

/** @throws OptionError when something is there that is no socket, or somebody listens */
async function clear(path: string): Promise<void> {
  const seen = look(path);
  if (seen === undefined) return;
  if (!seen.isSocket()) throw new OptionError(`can't listen at ${path}: there is something that is no socket`);
  const answers = await new Promise<boolean>((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED"));
  });
  if (answers || !take(path, seen)) throw new OptionError(`can't listen at ${path}: another program does`);
}

/** What is at `path`; undefined when nothing is there. */
function look(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Node calls it EACCES when it is told to listen there.
    const directory = dirname(path);
    if (code === "ENOENT" && existsSync(directory)) return undefined;
    throw new OptionError(
      `can't listen at ${path}${code === "ENOENT" ? `: there is no directory ${directory}` : ` (${code})`}`,
    );
  }
}

/**
 * Takes the socket away that was `seen` at `path`; false when there is another one by now, of a service that was started at the same
 * time. A name can't be removed by what it stands for: it is looked at where nobody else has it.
 */
function take(path: string, seen: BigIntStats): boolean {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Taken away by that one, which is about to listen.
    if (code === "ENOENT") return true;
    throw new OptionError(`can't listen at ${path} (${code})`);
  }
  const { ino, birthtimeNs } = lstatSync(aside, { bigint: true });
  const same = ino === seen.ino && birthtimeNs === seen.birthtimeNs;
  if (same) unlinkSync(aside);
  else renameSync(aside, path);
  return same;
}
