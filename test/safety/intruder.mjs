// What somebody does who has broken out of the module and the engine and runs JavaScript in a session's thread or
// process: tries everything that a session has no business with. walls.test.ts starts it in place of a session.

import { execFileSync } from "node:child_process";
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { connect } from "node:net";
import { Worker } from "node:worker_threads";

/** Tries everything; gives for each attempt whether it reached something. The names are those of walls.ts. */
export async function intrude({ port, pid, secret, victim, image, others }) {
  const reached = {};
  const attempt = (name, ...bodies) => {
    reached[name] = bodies.some((body) => {
      try {
        return body();
      } catch {
        return false;
      }
    });
  };
  const byte = new Uint8Array(1);

  attempt("read its own images", () => readSync(image, byte, 0, 1, 0) === 1);
  attempt(
    "write its own images",
    () => writeSync(image, byte, 0, 1, 0) === 1,
    () => ftruncateSync(image, 0) === undefined,
    () => closeSync(openSync(`/proc/self/fd/${image}`, "r+")) === undefined,
  );
  attempt(
    "use the caller's other open files: another session's image, a log",
    ...others.map((fd) => () => readSync(fd, byte, 0, 1, 0) === 1),
    () => openFiles() > 1,
  );
  attempt(
    "read other files",
    () => readFileSync(secret, "utf8") === "secret",
    () => readFileSync("/etc/passwd").length > 0,
    () => readdirSync("/home").length >= 0,
  );
  attempt(
    "write, make or remove files",
    () => writeFileSync(`${secret}2`, "x") === undefined,
    () => writeFileSync("/intruder.txt", "x") === undefined,
    () => writeFileSync(new URL("./intruder.txt", import.meta.url), "x") === undefined,
    () => rmSync(victim) === undefined,
    () => closeSync(openSync("/intruder.txt", "w")) === undefined,
  );
  attempt(
    "read another process's memory or environment in /proc",
    () => readFileSync(`/proc/${pid}/environ`).length > 0,
    () => openSync(`/proc/${pid}/mem`, "r") > 0,
  );
  attempt("read the caller's environment (`process.env`)", () => tells(process.env));
  attempt("read the caller's environment (`process.report`)", () =>
    tells(process.report.getReport().environmentVariables),
  );
  attempt(
    "start processes or threads",
    () => execFileSync("/bin/true") !== undefined,
    () => new Worker("1", { eval: true }) !== undefined,
  );
  attempt("see or signal other processes", () => process.kill(pid, 0));
  const connection = connect(port, "127.0.0.1");
  // Whoever can't connect to the caller's network can't be connected to from there.
  reached["connect to others, be connected to"] = await happens(connection, "connect");
  connection.destroy();
  return reached;
}

/** Whether `emitter` comes to `good`, rather than to an error. */
function happens(emitter, good) {
  return new Promise((resolve) => {
    emitter.once(good, () => resolve(true));
    emitter.once("error", () => resolve(false));
  });
}

/** Whether an environment says more than the working directory, which a shell and bubblewrap set to the root. */
function tells(environment) {
  return Object.entries(environment).some(([name, value]) => name !== "PWD" || value !== "/");
}

/** Open descriptors of regular files; the engine's own are none. */
function openFiles() {
  let files = 0;
  for (let fd = 0; fd < 1024; fd++) {
    try {
      if (fstatSync(fd).isFile()) files++;
    } catch {
      // Not open.
    }
  }
  return files;
}
