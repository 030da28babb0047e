// The core's modules: which flavours there are, and the compiled modules, of which a process keeps one each. Each is read
// when a session wants it: Node reads files beside this package, pages fetch, and a caller may give some (assets.ts). The
// table is fixed: no name that comes from a guest is ever part of a path.

import {
  type Assets,
  type FlavourModule,
  isBytes,
  isModuleAsset,
  isPlace,
  type ModuleAsset,
  type ModuleName,
  NEEDED,
} from "./assets.js";
import { isModule } from "./brand.js";
import { AssetError } from "./errors.js";

/** A flavour: the core with one script interpreter. */
export type Flavour = "simp" | "4th" | "lua";

/**
 * Bytes of memory that a flavour starts with: what most boots get by in. Memory that had to grow isn't used again, and
 * each byte of what is used again has to be zeroed.
 */
export const START_MEMORY: Record<Flavour, number> = {
  "4th": 2 * 1024 * 1024,
  lua: 6 * 1024 * 1024,
  simp: 1024 * 1024,
};

/** Bytes of memory that the module starts with that looks into images, which is no flavour: it boots nothing. */
export const INSPECT_MEMORY = 2 * 1024 * 1024;

/** All flavours there are. */
export const FLAVOURS = Object.keys(START_MEMORY) as Flavour[];

/** The flavour that starts when the caller has no wish. */
const DEFAULT_FLAVOUR: Flavour = "lua";

/** What a caller wishes of flavours. */
interface Wish {
  readonly loader: Flavour | undefined;
  readonly start: Flavour | undefined;
}

/** The flavour that a session starts with. */
export function firstFlavour({ loader, start }: Wish): Flavour {
  return loader ?? start ?? DEFAULT_FLAVOUR;
}

/** Whether `name` is a flavour. */
export function isFlavour(name: string): name is Flavour {
  return Object.hasOwn(START_MEMORY, name);
}

/** Where a session's flavours come from. */
export interface Modules {
  /** The module that a flavour begins with: its own, or the small one, which asks for it when it meets what it can't read. */
  first(flavour: Flavour): FlavourModule;
  /** One that is compiled. */
  ready(name: FlavourModule): WebAssembly.Module | undefined;
  /**
   * One that perhaps isn't.
   * @throws AssetError when it can't be had
   */
  find(name: FlavourModule): Promise<WebAssembly.Module>;
}

/**
 * Has the module there that a session starts with.
 * @throws AssetError when it can't be had
 */
export async function readyFirst(modules: Modules, wish: Wish): Promise<void> {
  const first = modules.first(firstFlavour(wish));
  if (modules.ready(first) === undefined) await modules.find(first);
}

/** The small module of a flavour. */
const smallOf = (flavour: Flavour) => `${flavour}_small` as const;

/**
 * How a platform gets at modules.
 * @throws AssetError for one that isn't there or isn't one
 */
export interface ModuleSource {
  /** Whether bytes are dear there, so that flavours begin with their small modules. */
  readonly small: boolean;
  /** Where the package's own one is; undefined when its program doesn't know where it is itself. */
  place(name: ModuleName): URL | undefined;
  /** What is there. */
  read(place: URL): Promise<WebAssembly.Module>;
}

let platform: ModuleSource | undefined;

/** Says where modules come from. The entry points (index.ts, browser.ts) call it. */
export function setModuleSource(value: ModuleSource): void {
  platform = value;
  ownPlaces.clear();
}

/** Where the package's own modules are, as far as somebody asked: each boot does, and to make a URL takes a while. */
const ownPlaces = new Map<ModuleName, string | undefined>();

function ownPlace(name: ModuleName): string | undefined {
  if (!ownPlaces.has(name)) ownPlaces.set(name, source().place(name)?.href);
  return ownPlaces.get(name);
}

/** A module that is being compiled, or is. */
interface Compiled {
  promise: Promise<WebAssembly.Module>;
  module?: WebAssembly.Module;
}
interface Cache<Key> {
  get(key: Key): Compiled | undefined;
  set(key: Key, value: Compiled): unknown;
  delete(key: Key): unknown;
}
/** By what they are compiled of: the place, or the caller's object. One that failed is forgotten, as it may be there the next time. */
const byPlace: Cache<string> = new Map();
const byObject: Cache<object> = new WeakMap();

/** What a caller gives for a module. */
type Given = ModuleAsset | Promise<ModuleAsset>;

/** The modules of a caller who gives `assets`. */
export class AssetModules implements Modules {
  readonly #given: NonNullable<Assets["modules"]>;

  constructor(assets: Assets | undefined) {
    this.#given = assets?.modules ?? {};
  }

  /** A flavour that the caller gives is taken. */
  first(flavour: Flavour): FlavourModule {
    const small = smallOf(flavour);
    const begins = source().small && this.#given[flavour] === undefined;
    return begins && this.#key(small) !== undefined ? small : flavour;
  }

  /** Those that begin with their small modules. */
  get small(): Flavour[] {
    return FLAVOURS.filter((flavour) => this.first(flavour) !== flavour);
  }

  ready(name: ModuleName): WebAssembly.Module | undefined {
    const key = this.#key(name);
    if (key === undefined) return undefined;
    return (typeof key === "string" ? byPlace.get(key) : byObject.get(key))?.module;
  }

  find(name: ModuleName): Promise<WebAssembly.Module> {
    const key = this.#key(name);
    if (key === undefined) return Promise.reject(new AssetError(`assets.modules.${name}`, NEEDED));
    return typeof key === "string"
      ? kept(byPlace, key, () => source().read(new URL(key)))
      : kept(byObject, key, () => compiled(name, key));
  }

  /** What is known of a module before anything is read: its place, or what the caller gave for it. */
  #key(name: ModuleName): string | Exclude<Given, URL | string> | undefined {
    const given = this.#given[name];
    if (given === undefined) return ownPlace(name);
    return isPlace(given) ? placeOf(given) : given;
  }

  /** What flavours begin with, where that is compiled: to be sent where a session runs. */
  table(): ModuleTable {
    const found = FLAVOURS.map((flavour) => [this.first(flavour), this.ready(this.first(flavour))] as const);
    return new Map(found.filter((entry): entry is [FlavourModule, WebAssembly.Module] => entry[1] !== undefined));
  }
}

function source(): ModuleSource {
  if (platform === undefined) throw new AssetError("modules", "this platform has no source of them");
  return platform;
}

/** A caller's place in full. */
function placeOf(given: URL | string): string {
  const base = (globalThis as { document?: { baseURI: string } }).document?.baseURI;
  try {
    return new URL(given, base).href;
  } catch {
    throw new AssetError(String(given), "is no URL");
  }
}

/** What `compile` makes, once for each key. */
function kept<Key>(
  cache: Cache<Key>,
  key: Key,
  compile: () => Promise<WebAssembly.Module>,
): Promise<WebAssembly.Module> {
  const known = cache.get(key);
  if (known !== undefined) return known.promise;
  const entry: Compiled = { promise: compile() };
  cache.set(key, entry);
  entry.promise.then(
    (module) => {
      entry.module = module;
    },
    () => cache.delete(key),
  );
  return entry.promise;
}

/** What a caller gave for a module, compiled. */
async function compiled(name: ModuleName, asset: Given): Promise<WebAssembly.Module> {
  let given: ModuleAsset;
  try {
    given = await asset;
  } catch (error) {
    throw new AssetError(`assets.modules.${name}`, `can't be had (${error})`);
  }
  if (isModule(given)) return given;
  if (isBytes(given)) return compileBytes(given, `assets.modules.${name}`);
  if (isModuleAsset(given)) return new AssetModules({ modules: { [name]: given } }).find(name);
  throw new AssetError(`assets.modules.${name}`, "the promise gave no URL, ArrayBuffer or WebAssembly.Module");
}

/**
 * A module of its bytes; `from` and `status` are where they come from.
 * @throws AssetError when they are none
 */
export async function compileBytes(
  bytes: ArrayBuffer | Uint8Array<ArrayBuffer>,
  from: string,
  status?: number,
): Promise<WebAssembly.Module> {
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    throw new AssetError(from, `is no WebAssembly module (${(error as Error).message})`, status);
  }
}

/** The flavours of a session that was given some: compiled, or as bytes to be compiled when a guest swaps to them. */
export type ModuleTable = ReadonlyMap<FlavourModule, WebAssembly.Module | Uint8Array<ArrayBuffer>>;

/** The modules of `table`; others are asked for by `ask`. */
export class GivenModules implements Modules {
  readonly #found = new Map<FlavourModule, WebAssembly.Module>();

  constructor(
    private readonly table: ModuleTable,
    private readonly small: readonly Flavour[],
    private readonly ask: (name: FlavourModule) => Promise<WebAssembly.Module>,
  ) {}

  first(flavour: Flavour): FlavourModule {
    return this.small.includes(flavour) ? smallOf(flavour) : flavour;
  }

  ready(name: FlavourModule): WebAssembly.Module | undefined {
    const given = this.table.get(name);
    return given instanceof WebAssembly.Module ? given : this.#found.get(name);
  }

  async find(name: FlavourModule): Promise<WebAssembly.Module> {
    const given = this.table.get(name);
    const module = given instanceof Uint8Array ? await compileBytes(given, name) : await this.ask(name);
    this.#found.set(name, module);
    return module;
  }
}
