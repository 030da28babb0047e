// `userboot get`: copies a file or a tree out of an image, or writes it as a tar stream. Names and links in an image are a
// guest's: nothing is written but below the destination, whatever they are, and what can't be there is left out and named.

import { FileError, OptionError } from "../errors.js";
import { byteString } from "../inspect/text.js";
import { complain } from "./complain.js";
import { type Copying, isPlain, itemsOf } from "./copy_items.js";
import { copyOut } from "./copy_out.js";
import { guarded } from "./guarded.js";
import { type InspectArguments, put, withImages } from "./inspect_common.js";
import type { ProgressBar } from "./progress.js";
import { STATUS_FAILED } from "./statuses.js";
import { TarWriter } from "./tar.js";

/** What it takes besides. */
export interface GetArguments extends InspectArguments {
  tar?: string;
  allLinks?: boolean;
}

/** Copies `source` to `target`. The exit status: 0, or 1 when something was left out. */
export function getCommand(source: string, target: string | undefined, args: GetArguments): Promise<number> {
  return guarded(() => {
    if (args.tar !== undefined && args.tar !== "-")
      throw new OptionError("--tar takes -, the standard output; > FILE makes a file of it");
    if (args.tar !== undefined && target !== undefined)
      throw new OptionError("--tar and a destination don't go together");
    return withImages(args, async (guest, progress) => {
      let isComplete = true;
      const copying: Copying = {
        guest,
        items: itemsOf(guest, source, (path, why) => copying.leaveOut(path, why)),
        leaveOut(path, why) {
          isComplete = false;
          progress.clear();
          complain(`${path} is left out: ${why}`);
        },
        onProgress: (done, size) => showProgress(progress, done, size),
      };
      if (args.tar === "-") await writeTar(copying, put);
      else await copyOut(copying, baseName(source), target, args.allLinks ?? false);
      progress.clear();
      return isComplete ? 0 : STATUS_FAILED;
    });
  });
}

/** Files from here on have a bar. */
const LONG = 64 * 1024 * 1024;

function showProgress(progress: ProgressBar, done: number, size: number): void {
  if (size >= LONG) progress.show({ diskBytes: 0, diskCalls: 0, fileBytes: size, fileDone: done });
}

/** The last name of a path; `image` for a whole device. */
function baseName(source: string): string {
  const parts = byteString(source).split("/");
  const name = parts.filter((part) => part !== "").at(-1) ?? "";
  return name === "" || name.endsWith(":") || !isPlain(name) ? "image" : name;
}

/** Writes it all as a tar stream, by `write`. */
export async function writeTar(
  { guest, items, leaveOut, onProgress }: Copying,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const tar = new TarWriter(write);
  for await (const item of items) {
    const name = ["."].concat(item.parts).join("/");
    const named = item.parts.length === 0 && item.type !== "directory" ? `./${baseName(item.path)}` : name;
    if (item.type === "other") {
      leaveOut(item.path, "neither a file, nor a directory, nor a link");
      continue;
    }
    const { size = 0 } = item;
    await tar.header(named, { ...item, size, target: byteString(item.target ?? "") });
    if (item.type !== "file") continue;
    let done = 0;
    // Whoever lists files may tell another size than whoever opens them. The stream is of no use then, and what is too much would
    // be taken for the next header.
    const isOfSize = (isIt: boolean) => {
      if (!isIt) throw new FileError(item.path, "EIO", `${done} bytes of a file of ${size}`);
    };
    await guest.eachPart(item.path, async (bytes, hole) => {
      done += bytes.length + hole;
      isOfSize(done <= size);
      await tar.content(bytes, hole);
      onProgress(done, size);
    });
    isOfSize(done === size);
    await tar.endContent(size);
  }
  await tar.end();
}
