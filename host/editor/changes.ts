// What of the kernel's environment was given, set by the guest, or is other than after the last boot.

/** A variable of the kernel's environment, or one that it has no more. */
export interface Variable {
  name: string;
  /** Undefined when it is gone since the last boot. */
  value: string | undefined;
  /** Where it is from: the set-up as it was given, or the guest's loader. */
  from: "set-up" | "changed by the guest" | "guest";
  /** Against the last boot: its value then when that was another one, null when it wasn't there. */
  before?: string | null;
}

/** All variables of `after`, by name, with what was given (`name=value`) and what there was in the boot before. */
export function variablesOf(
  after: Readonly<Record<string, string>>,
  given: readonly string[],
  before: Readonly<Record<string, string>> | undefined,
): Variable[] {
  const set = new Map(given.map((entry) => [entry.slice(0, entry.indexOf("=")), entry.slice(entry.indexOf("=") + 1)]));
  const names = new Set([...Object.keys(after), ...Object.keys(before ?? {})]);
  return [...names].sort().map((name): Variable => {
    const value = Object.hasOwn(after, name) ? after[name] : undefined;
    const wanted = set.get(name);
    const from = wanted === undefined ? "guest" : wanted === value ? "set-up" : "changed by the guest";
    if (before === undefined) return { name, value, from };
    const was = Object.hasOwn(before, name) ? before[name]! : null;
    return { name, value, from, ...(was !== (value ?? null) && { before: was }) };
  });
}
