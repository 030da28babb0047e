/* What of FreeBSD's <machine/vmm.h> userboot-bhyve uses. The numbers of registers are those of 12.1 to 15. */
#ifndef DOUBLE_VMM_H
#define DOUBLE_VMM_H

#include <stdint.h>

/* FreeBSD's <sys/types.h> has it. */
typedef uint64_t vm_paddr_t;

enum vm_reg_name {
	VM_REG_GUEST_CR0 = 15,
	VM_REG_GUEST_CR3 = 16,
	VM_REG_GUEST_CR4 = 17,
	VM_REG_GUEST_RSP = 19,
	VM_REG_GUEST_GDTR = 31,
	VM_REG_GUEST_EFER = 32,
	VM_REG_LAST = 44
};

#endif
