// The variables that a set-up has unless it says otherwise.

/** What bhyveload adds, in the order in which the loader gets it. */
export const DEFAULT_ENVIRONMENT: readonly string[] = ["boot_serial=1", "smbios.bios.vendor=BHYVE"];
