/* What of FreeBSD's <capsicum_helpers.h> userboot-bhyve uses: inline functions there. */
#ifndef DOUBLE_CAPSICUM_HELPERS_H
#define DOUBLE_CAPSICUM_HELPERS_H

#include <sys/capsicum.h>

int caph_limit_stdio(void);
int caph_enter(void);
int caph_rights_limit(int fd, const cap_rights_t *rights);
int caph_ioctls_limit(int fd, const unsigned long *commands, size_t count);

#endif
