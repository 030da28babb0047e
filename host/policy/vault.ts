// Files under the operator's eyes. Each one is hashed as the loader hands it over. Where a hook has a say, its content is
// kept, and the loader reads from here and never again from the disk: what was examined (or put in its place) is what
// is used. Where files are only measured, nothing is kept, and the loader reads the file itself.

import { InternalError } from "../errors.js";
import type { Hasher, MakeHasher } from "../hash.js";
import { PURPOSE_DATA, PURPOSE_KERNEL, PURPOSE_MODULE, PURPOSE_RAW, PURPOSE_SCRIPT } from "../protocol/constants.js";
import { type Asker, enforce } from "./asker.js";
import type { PolicyBudget } from "./budget.js";
import { Content } from "./content.js";
import type { FileFacts, FilePurpose } from "./hooks.js";

/** Purposes as the core numbers them. */
const PURPOSES: Readonly<Record<number, FilePurpose>> = {
  [PURPOSE_DATA]: "data",
  [PURPOSE_SCRIPT]: "script",
  [PURPOSE_KERNEL]: "kernel",
  [PURPOSE_MODULE]: "module",
  [PURPOSE_RAW]: "raw",
};

interface Examined {
  readonly device: string;
  readonly path: string;
  readonly purpose: FilePurpose;
  size: number;
  /** Until all of it is there. */
  hash: Hasher | undefined;
  /** What shall be used, when the loader is to read it from here. */
  content: Content | undefined;
  /** Bytes counted as kept. */
  counted: number;
}

/**
 * The examined files of one session. Handles count from 1, one for each file and purpose. Throws PolicyError when
 * `onFile` refuses, and LimitError when there is too much to keep or to tell.
 */
export class FileVault {
  readonly files: FileFacts[] = [];
  readonly #examined: Examined[] = [];
  readonly #byName = new Map<string, number>();
  readonly #asker: Asker | undefined;
  readonly #budget: PolicyBudget;
  readonly #makeHasher: MakeHasher;

  constructor(asker: Asker | undefined, budget: PolicyBudget, makeHasher: MakeHasher) {
    this.#asker = asker?.wants.has("onFile") ? asker : undefined;
    this.#budget = budget;
    this.#makeHasher = makeHasher;
  }

  /** Starts a file of `size` bytes (undefined: not known yet). The negated handle of one that was examined already. */
  begin(device: string, path: string, purpose: number, size: number | undefined): number {
    const asked = PURPOSES[purpose] ?? "data";
    const name = `${asked} ${device}${path}`;
    const known = this.#byName.get(name);
    if (known !== undefined) {
      const file = this.#examined[known - 1]!;
      if (file.hash === undefined) return -known;
      // It couldn't be read to its end then.
      this.#count(file, 0);
      file.content = undefined;
    }
    this.#budget.tell(device, path);
    const file: Examined = {
      ...{ device, path, purpose: asked, size: 0, counted: 0 },
      hash: this.#makeHasher(),
      content: undefined,
    };
    if (this.#asker !== undefined) {
      this.#count(file, size ?? 0);
      file.content = new Content(size);
    }
    this.#examined.push(file);
    this.#byName.set(name, this.#examined.length);
    return this.#examined.length;
  }

  #count(file: Examined, bytes: number): void {
    const more = bytes - file.counted;
    file.counted = bytes;
    this.#budget.keep(more);
  }

  #file(handle: number): Examined {
    const file = this.#examined[handle - 1];
    if (file === undefined) throw new InternalError(`the core names an examined file ${handle}, which there isn't`);
    return file;
  }

  data(handle: number, bytes: Uint8Array): void {
    const file = this.#file(handle);
    if (file.hash === undefined) throw new InternalError(`the core gives more of file ${handle}, which has ended`);
    file.size += bytes.length;
    if (file.content !== undefined) {
      if (file.size > file.counted) this.#count(file, file.size);
      file.content.append(bytes);
    }
    file.hash.update(bytes);
  }

  /**
   * Asks the hook and returns the size of what shall be used; undefined: the file itself.
   * @throws PolicyError for a denial
   */
  end(handle: number): number | undefined {
    const file = this.#file(handle);
    if (file.hash !== undefined) this.#judge(file, file.hash);
    return file.content?.size;
  }

  #judge(file: Examined, hash: Hasher): void {
    file.hash = undefined;
    file.content?.finish();
    const { device, path, purpose, size } = file;
    const facts: FileFacts = { device, path, size, sha256: hash.hex(), purpose };
    const answer = this.#asker && enforce(this.#asker.ask("onFile", facts), "onFile", `file ${device}${path}`);
    if (answer !== undefined && "replace" in answer) {
      // What the operator gives is the operator's to pay.
      this.#count(file, 0);
      file.content = new Content(answer.replace.length);
      file.content.append(answer.replace);
      const replacement = this.#makeHasher();
      replacement.update(answer.replace);
      this.files.push({ ...facts, size: answer.replace.length, sha256: replacement.hex() });
      return;
    }
    this.#count(file, file.content?.size ?? 0);
    this.files.push(facts);
  }

  /** What shall be used of a file, from `offset` on, at most `size` bytes, borrowed. */
  slice(handle: number, offset: number, size: number): Uint8Array {
    const file = this.#file(handle);
    if (file.hash !== undefined || file.content === undefined) {
      throw new InternalError(`the core reads file ${handle}, whose content isn't here`);
    }
    return file.content.slice(offset, size);
  }
}
