/* What of FreeBSD's <sys/capsicum.h> userboot-bhyve uses (../../double.c). */
#ifndef DOUBLE_CAPSICUM_H
#define DOUBLE_CAPSICUM_H

#include <stddef.h>
#include <stdint.h>

/* Rights are words with their number in the top bits, as FreeBSD's are; the values are the double's own. */
typedef struct cap_rights {
	uint64_t cr_rights[2];
} cap_rights_t;

typedef unsigned long cap_ioctl_t;

#define CAP_IOCTL 0x1ULL
#define CAP_MMAP_RW 0x2ULL

/* A macro over a variadic function there, too; the end is marked by a right of 0. */
cap_rights_t *double_rights_init(int version, cap_rights_t *rights, ...);
#define cap_rights_init(...) double_rights_init(0, __VA_ARGS__, 0ULL)

#endif
