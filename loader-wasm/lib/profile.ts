// Which loader is emulated: FreeBSD changed it from release to release, and a guest behaves as its own release's loader
// would have it. One table says what each generation changes; boot/detection.ts finds out which it is.

/** What loaders of one generation do in their own way. */
export class Profile {
  constructor(
    /** Major number of the release: 12 is 12.1 and all before, the last is all that follow. */
    readonly generation: i32,
    /** The Lua it has, 53 or 54. */
    readonly lua: i32,
    /** Whether a start-up script of Lua that fails says so, and keeps the loader from booting by itself. */
    readonly tellsScriptErrors: bool,
    /** Bits of amd64's boot page tables: present, writable, and until 12 user. */
    readonly pageBits: u64,
  ) {}
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
