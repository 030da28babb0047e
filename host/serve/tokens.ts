// Who may ask: the token file. A line is `TENANT:TOKEN`; of the tenant `*` is who boots for many and says for whom with each
// request. What was given is compared with all tokens, in the same time whichever it is.

import { createHash, timingSafeEqual } from "node:crypto";
import { open } from "node:fs/promises";
import { explain, kindComplaint, OPEN_FLAGS } from "../disks/file.js";
import { OptionError } from "../errors.js";

/** The tenant of a token that names tenants. */
const ANY = "*";
const TENANT = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const TOKEN = /^[!-~]{16,512}$/;
const FILE_MAX = 1024 * 1024;
/** Others may do nothing with the file, and its group may read it. */
const FORBIDDEN_MODE = 0o027;

/** Whether `name` can be a tenant's. It is also the name of a directory. */
export const isTenant = (name: string): boolean => TENANT.test(name);

/** Whom a token stands for. */
export interface Bearer {
  /** The tenant; undefined for one who names tenants. */
  tenant: string | undefined;
}

/** Tokens, of which only digests are kept. */
export class Tokens {
  constructor(private readonly known: readonly (Bearer & { digest: Buffer })[]) {}

  /** Whose `token` is; undefined for nobody's. */
  bearer(token: string): Bearer | undefined {
    const digest = digestOf(token);
    let found: Bearer | undefined;
    for (const one of this.known) if (timingSafeEqual(one.digest, digest)) found = one;
    return found;
  }
}

const digestOf = (token: string): Buffer => createHash("sha256").update(token, "utf8").digest();

/**
 * The tokens in the file at `path`.
 * @throws OptionError for a file that can't be read, or that others can, and for what is no line of it
 */
export async function readTokens(path: string): Promise<Tokens> {
  const refused = (why: string) => new OptionError(`token file ${path}: ${why}`);
  try {
    await using file = await open(path, OPEN_FLAGS);
    const status = await file.stat();
    const complaint = kindComplaint(status);
    if (complaint !== undefined) throw refused(complaint);
    if ((status.mode & FORBIDDEN_MODE) !== 0)
      throw refused(
        `its mode is ${(status.mode & 0o777).toString(8)}; others must not read it, nor its group write it (chmod 600)`,
      );
    if (status.size > FILE_MAX) throw refused(`${status.size} bytes, more than the ${FILE_MAX} that may be`);
    return parseTokens(await file.readFile("utf8"), refused);
  } catch (error) {
    throw error instanceof OptionError ? error : refused(explain(error));
  }
}

function parseTokens(text: string, refused: (why: string) => OptionError): Tokens {
  const known = new Map<string, Bearer & { digest: Buffer }>();
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const colon = line.indexOf(":");
    const [tenant, token] = [line.slice(0, colon), line.slice(colon + 1)];
    if (colon < 0 || !(tenant === ANY || isTenant(tenant)))
      throw refused(
        `line ${at + 1} isn't TENANT:TOKEN (a tenant is letters, digits, _ . -, or * for who names tenants)`,
      );
    if (!TOKEN.test(token)) throw refused(`line ${at + 1}: a token is 16 to 512 characters of ASCII without blanks`);
    if (known.has(token)) throw refused(`line ${at + 1}: this token stands there twice`);
    known.set(token, { tenant: tenant === ANY ? undefined : tenant, digest: digestOf(token) });
  }
  if (known.size === 0) throw refused("there is no token in it (lines TENANT:TOKEN)");
  return new Tokens([...known.values()]);
}
