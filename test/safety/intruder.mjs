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
  writeFileSync,
  writeSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { Worker } from "node:worker_threads";

/** Tries everything; gives what came of each attempt: its answer, or the code of its error. */
export async function intrude({ port, pid, secret, image, other }) {
  const tries = {};
  const attempt = (name, body) => {
    try {
      tries[name] = body() ?? "done";
    } catch (error) {
      tries[name] = error.code ?? error.message;
    }
  };
  const settled = (name, emitter, good) =>
    new Promise((resolve) => {
      const end = (what) => {
        tries[name] = what;
        resolve();
      };
      emitter.once(good, () => end("done"));
      emitter.once("error", (error) => end(error.code));
    });

  attempt("environment", () => strange(process.env));
  attempt("report", () => strange(process.report.getReport().environmentVariables));
  attempt("arguments", () => process.argv.slice(2).length);
  attempt("descriptors", () => openDescriptors());
  attempt("read image", () => readSync(image, new Uint8Array(1), 0, 1, 0));
  attempt("write image", () => writeSync(image, new Uint8Array(1), 0, 1, 0));
  attempt("truncate image", () => ftruncateSync(image, 0));
  attempt("another session's image", () => readSync(other, new Uint8Array(1), 0, 1, 0));
  attempt("read file", () => readFileSync(secret, "utf8"));
  attempt("read system", () => readFileSync("/etc/passwd").length);
  attempt("read process", () => readFileSync(`/proc/${pid}/environ`).length);
  attempt("list", () => readdirSync("/").length);
  attempt("write file", () => writeFileSync(`${secret}2`, ""));
  attempt("write package", () => closeSync(openSync(new URL("./intruder.txt", import.meta.url), "w")));
  attempt("start process", () => execFileSync("/bin/true"));
  attempt("start thread", () => void new Worker("1", { eval: true }));
  attempt("make code", () => new Function("return 'done'")());
  attempt("see process", () => process.kill(pid, 0));
  await settled("connect", connect(port, "127.0.0.1"), "connect");
  const server = createServer();
  const listening = settled("listen", server, "listening");
  server.listen(0, "127.0.0.1");
  await listening;
  server.close();
  return tries;
}

/** Variables but the working directory, which is the root and which a shell and bubblewrap tell. */
function strange(environment) {
  return Object.entries(environment).filter(([name, value]) => name !== "PWD" || value !== "/").length;
}

/** Descriptors that are files or sockets of somebody: what the engine opens for itself is neither. */
function openDescriptors() {
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
