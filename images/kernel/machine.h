/* What the machine-dependent part (amd64.S, i386.S) gives to main.c. */
#ifndef MACHINE_H
#define MACHINE_H

#include "abi.h"

/* CPU state and arguments as found at the entry point. */
struct entry_state {
	u64 rsp, rflags, cr0, cr3, cr4, efer;
	u64 gdt_base;
	u32 gdt_limit;
	u32 cs, ss, ds;
	u32 arguments[9]; /* words of the boot stack, return address first */
};

extern struct entry_state entry_state;

#define MACHINE_NAME_LENGTH 8
extern const char machine_name[MACHINE_NAME_LENGTH];

#endif
