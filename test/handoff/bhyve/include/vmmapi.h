/*
 * What of FreeBSD's <vmmapi.h> userboot-bhyve uses, declared anew. Held by hand against releng/12.1's, that of 13 (both
 * VMMAPI_VERSION 0103) and that of 14 and 15 (0200), and their bhyveload.
 */
#ifndef DOUBLE_VMMAPI_H
#define DOUBLE_VMMAPI_H

#include <sys/capsicum.h>

#include <machine/vmm.h>

struct vmctx;

enum vm_mmap_style { VM_MMAP_NONE, VM_MMAP_ALL, VM_MMAP_SPARSE };

#define VM_MEM_F_INCORE 0x01
#define VM_MEM_F_WIRED 0x02

int vm_create(const char *name);
struct vmctx *vm_open(const char *name);
int vm_reinit(struct vmctx *ctx);
void vm_set_memflags(struct vmctx *ctx, int flags);
int vm_setup_memory(struct vmctx *ctx, size_t size, enum vm_mmap_style style);
void *vm_map_gpa(struct vmctx *ctx, vm_paddr_t gpa, size_t size);
size_t vm_get_lowmem_size(struct vmctx *ctx);
size_t vm_get_highmem_size(struct vmctx *ctx);

#if __FreeBSD_version >= 1400000
struct vcpu;
#define DOUBLE_ON_VCPU struct vcpu *vcpu

struct vcpu *vm_vcpu_open(struct vmctx *ctx, int vcpu);
int vm_limit_rights(struct vmctx *ctx);
#else
#define DOUBLE_ON_VCPU struct vmctx *ctx, int vcpu

int vm_get_device_fd(struct vmctx *ctx);
const cap_ioctl_t *vm_get_ioctls(size_t *count);
#endif

int vm_set_register(DOUBLE_ON_VCPU, int reg, uint64_t value);
int vm_set_desc(DOUBLE_ON_VCPU, int reg, uint64_t base, uint32_t limit, uint32_t access);
int vm_setup_freebsd_registers(DOUBLE_ON_VCPU, uint64_t rip, uint64_t cr3, uint64_t gdtbase, uint64_t rsp);
int vm_setup_freebsd_registers_i386(DOUBLE_ON_VCPU, uint32_t eip, uint32_t gdtbase, uint32_t esp);

#endif
