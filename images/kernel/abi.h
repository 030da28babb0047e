/*
 * What FreeBSD's loader and kernel agree on, as far as these guests use it:
 * the preload metadata chain, the module metadata linker set, the BIOS memory
 * map records and i386's bootinfo.  Used by the kernel and by the module.
 */
#ifndef ABI_H
#define ABI_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef __UINTPTR_TYPE__ uptr;

/* Preload chain: { u32 type, u32 size, payload padded to PRELOAD_ALIGN }. */
#ifdef __x86_64__
#define PRELOAD_ALIGN 8
#else
#define PRELOAD_ALIGN 4
#endif

enum {
	PRELOAD_END = 0x0000,
	PRELOAD_NAME = 0x0001, /* opens the next file */
	PRELOAD_TYPE = 0x0002,
	PRELOAD_ADDR = 0x0003,
	PRELOAD_SIZE = 0x0004,
	PRELOAD_ARGS = 0x0006,
	PRELOAD_METADATA = 0x8000, /* or'ed with one of the following */
	META_ELFHDR = 0x8002,
	META_SSYM = 0x8003,
	META_ESYM = 0x8004,
	META_DYNAMIC = 0x8005,
	META_ENVP = 0x8006,
	META_HOWTO = 0x8007,
	META_KERNEND = 0x8008,
	META_SHDR = 0x8009,
	META_SMAP = 0x9001,
};

struct smap_entry {
	u64 base;
	u64 length;
	u32 type;
} __attribute__((packed));

/* i386's struct bootinfo, version 1, by 32-bit word. */
enum {
	BI_VERSION = 0,
	BI_KERNELNAME = 1,
	BI_SIZE = 12,
	BI_BASEMEM = 14, /* KiB */
	BI_EXTMEM = 15,  /* KiB */
	BI_SYMTAB = 16,
	BI_ESYMTAB = 17,
	BI_KERNEND = 18,
	BI_ENVP = 19,
	BI_MODULEP = 20,
};

/* Linker set "modmetadata_set": pointers to these. */
struct mod_metadata {
	int version;
	int type; /* MOD_* */
	const void *data;
	const char *label;
};

enum { MOD_DEPEND = 1, MOD_MODULE = 2, MOD_VERSION = 3 };

struct mod_depend {
	int minimum, preferred, maximum;
};

struct mod_version {
	int version;
};

struct moduledata {
	const char *name;
	int (*event)(void *module, int what, void *argument);
	void *argument;
};

/* The loader looks the set up by these symbols; naming them makes ld define them. */
__asm__(".globl __start_set_modmetadata_set");
__asm__(".globl __stop_set_modmetadata_set");

#define METADATA(id, kind, payload, name)                                       \
	static const struct mod_metadata id = { 1, kind, payload, name };       \
	static const struct mod_metadata *const id##_entry                      \
	    __attribute__((section("set_modmetadata_set"), used)) = &id

#define VERSION_OF_MODULE(id, name, number)                                     \
	static const struct mod_version id##_data = { number };                 \
	METADATA(id, MOD_VERSION, &id##_data, name)

#define DEPENDS_ON(id, name, low, best, high)                                   \
	static const struct mod_depend id##_data = { low, best, high };         \
	METADATA(id, MOD_DEPEND, &id##_data, name)

#endif
