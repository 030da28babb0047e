// Which loader is emulated: FreeBSD changed it from release to release, and a guest behaves as its own release's loader
// would have it. boot/detection.ts finds out which it is.

/** Generations: the first is 12.1's and that of all before it, the last that of all that follow. */
const FIRST: i32 = 12;
const LAST: i32 = 15;

/** What loaders of one generation do in their own way. What is small, and asked in one place, asks for the generation. */
export class Profile {
  constructor(
    /** Major number of the release. */
    readonly generation: i32,
  ) {}

  /** Bits of amd64's boot page tables: present, writable, and in 12 user. */
  get pageBits(): u64 {
    return this.generation < 13 ? 0x7 : 0x3;
  }

  /** The Lua it has, 53 or 54. */
  get lua(): i32 {
    return this.generation < 14 ? 53 : 54;
  }

  /** Whether a start-up script of Lua that fails keeps the loader from booting by itself. */
  get stopsAtScriptErrors(): bool {
    return this.generation >= 13;
  }

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

/** The one in force: the first until another is found or asked for. */
export let profile: Profile = new Profile(FIRST);

/** Takes the profile for releases numbered `major`: the nearest that there is. */
export function useProfile(major: i32): void {
  profile = new Profile(min(max(major, FIRST), LAST));
}
