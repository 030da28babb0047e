// Which loader is emulated: FreeBSD changed it from release to release, and a guest behaves as its own release's loader
// would have it. One table says what each generation changes; boot/detection.ts finds out which it is.

/** What loaders of one generation do in their own way. */
export class Profile {
  constructor(
    /** Major number of the release: 12 is 12.1 and all before, the last is all that follow. */
    readonly generation: i32,
    /** The Lua it has, 53 or 54. */
    readonly lua: i32,
    /** Whether a start-up script of Lua that fails keeps the loader from booting by itself. */
    readonly stopsAtScriptErrors: bool,
    /** Bits of amd64's boot page tables: present, writable, and until 12 user. */
    readonly pageBits: u64,
  ) {}

  /** What it says it was built of (sys/param.h), and of itself: 1.2, the last 3.0. Scripts ask for both. */
  get freebsdVersion(): i64 {
    return this.generation == 12 ? 1201000 : <i64>this.generation * 100000;
  }
  get loaderVersion(): i64 {
    return this.generation == 12 ? 12 : this.generation < 15 ? 1002 : 3000;
  }

  /** The help file, in /boot: each loader has its own from 14 on. */
  get helpFile(): string {
    return this.generation < 14 ? "loader.help" : "loader.help.userboot";
  }

  /** Whether sizes of partitions stand below each other, and no blanks where none is shown. */
  get alignsSizes(): bool {
    return this.generation >= 13;
  }

  /** Of so many steps the spinner shows one. */
  get spinnerDivisor(): i32 {
    return this.generation < 14 ? 1 : 16;
  }

  /** Whether a countdown shows how long it will take, before a second has passed. */
  get showsWholeDelay(): bool {
    return this.generation >= 14;
  }

  /** Whether a variable says how much is told of what is loaded. */
  get hasModuleVerbose(): bool {
    return this.generation >= 14;
  }
}

const PROFILES: Profile[] = [
  new Profile(12, 53, false, 0x7),
  new Profile(13, 53, true, 0x3),
  new Profile(14, 54, true, 0x3),
  new Profile(15, 54, true, 0x3),
];

/** The one in force: the first until another is found or asked for. */
export let profile: Profile = PROFILES[0];

/** Takes the profile for releases numbered `major`: the nearest that there is. */
export function useProfile(major: i32): void {
  profile = PROFILES[min(max(major - PROFILES[0].generation, 0), PROFILES.length - 1)];
}
