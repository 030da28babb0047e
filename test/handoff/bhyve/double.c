/*
 * A double of FreeBSD's libvmmapi and capability mode, for the tests of userboot-bhyve where there is no FreeBSD. It
 * makes no machine. It writes down each call with what it was given, a line each, in the file $DOUBLE_CALLS, and at the end
 * all of the guest's memory that isn't zero in $DOUBLE_MEMORY: pages of {address, 4096 bytes}, the address as 8 bytes.
 *
 * $DOUBLE_EXISTS: the virtual machine is there already. $DOUBLE_FAILS=NAME: that call fails with EPERM. What the real
 * library can't do, such as opening files in capability mode or registers of a virtual machine without memory, ends the
 * program by abort().
 */

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <capsicum_helpers.h>
#include <vmmapi.h>

#define PAGE 4096ULL
#define GIB (1ULL << 30)
#define LOW_MAX (3 * GIB)
#define HIGH_BASE (4 * GIB)

struct vmctx {
	char name[64];
	size_t low, high;
	uint8_t *memory;
};

static struct vmctx machine;
static bool created, confined;
static FILE *calls;

static void
must(bool condition, const char *what)
{
	if (condition)
		return;
	(void)fprintf(stderr, "double: %s\n", what);
	abort();
}

static int record(const char *, const char *, ...) __attribute__((format(printf, 2, 3)));

/* Writes a call down; whether it is the one that fails. */
static int
record(const char *name, const char *format, ...)
{
	const char *fails = getenv("DOUBLE_FAILS");
	va_list values;

	if (calls == NULL && getenv("DOUBLE_CALLS") != NULL)
		must((calls = fopen(getenv("DOUBLE_CALLS"), "we")) != NULL, "no file for the calls");
	if (calls != NULL) {
		(void)fputs(name, calls);
		va_start(values, format);
		(void)vfprintf(calls, format, values);
		va_end(values);
		(void)fputc('\n', calls);
		(void)fflush(calls);
	}
	if (fails == NULL || strcmp(fails, name) != 0)
		return (0);
	errno = EPERM;
	return (-1);
}

static size_t
extent(void)
{
	return (machine.high > 0 ? HIGH_BASE + machine.high : (machine.low + PAGE - 1) / PAGE * PAGE);
}

/* Pages that were never touched aren't looked at. */
static void
write_memory(void)
{
	const char *path = getenv("DOUBLE_MEMORY");
	const size_t pages = extent() / PAGE;
	static const uint8_t zeros[PAGE];
	unsigned char *resident;
	FILE *file = NULL;

	if (path == NULL || machine.memory == NULL)
		return;
	resident = malloc(pages);
	must(resident != NULL && (file = fopen(path, "we")) != NULL, "no file for the memory");
	must(mincore(machine.memory, extent(), resident) == 0, "mincore");
	for (uint64_t i = 0; i < pages; i++) {
		const uint8_t *page = machine.memory + i * PAGE;
		const uint64_t gpa = i * PAGE;

		if ((resident[i] & 1) == 0 || memcmp(page, zeros, PAGE) == 0)
			continue;
		must(fwrite(&gpa, sizeof(gpa), 1, file) == 1 && fwrite(page, PAGE, 1, file) == 1, "memory");
	}
	must(fclose(file) == 0, "memory");
	free(resident);
}

int
vm_create(const char *name)
{
	must(!confined, "vm_create in capability mode");
	if (record("vm_create", " %s", name) != 0)
		return (-1);
	created = true;
	if (getenv("DOUBLE_EXISTS") == NULL)
		return (0);
	errno = EEXIST;
	return (-1);
}

struct vmctx *
vm_open(const char *name)
{
	must(!confined && created, "vm_open");
	if (record("vm_open", " %s", name) != 0)
		return (NULL);
	(void)snprintf(machine.name, sizeof(machine.name), "%s", name);
	return (&machine);
}

int
vm_reinit(struct vmctx *ctx)
{
	must(ctx == &machine, "vm_reinit");
	return (record("vm_reinit", " "));
}

void
vm_set_memflags(struct vmctx *ctx, int flags)
{
	must(ctx == &machine && ctx->memory == NULL, "vm_set_memflags");
	(void)record("vm_set_memflags", " %d", flags);
}

int
vm_setup_memory(struct vmctx *ctx, size_t size, enum vm_mmap_style style)
{
	must(ctx == &machine && ctx->memory == NULL, "vm_setup_memory");
	if (record("vm_setup_memory", " %zu %d", size, (int)style) != 0)
		return (-1);
	ctx->low = size > LOW_MAX ? LOW_MAX : size;
	ctx->high = size - ctx->low;
	/* Behind it is a page that nobody may touch. */
	ctx->memory = mmap(NULL, extent() + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
	    0);
	if (ctx->memory == MAP_FAILED) {
		ctx->memory = NULL;
		return (-1);
	}
	must(mprotect(ctx->memory + extent(), PAGE, PROT_NONE) == 0, "mprotect");
	must(atexit(write_memory) == 0, "atexit");
	return (0);
}

void *
vm_map_gpa(struct vmctx *ctx, vm_paddr_t gpa, size_t size)
{
	must(ctx == &machine && ctx->memory != NULL, "vm_map_gpa");
	(void)record("vm_map_gpa", " %#" PRIx64 " %zu", gpa, size);
	if (gpa < ctx->low && size <= ctx->low - gpa)
		return (ctx->memory + gpa);
	if (gpa >= HIGH_BASE && gpa - HIGH_BASE < ctx->high && size <= ctx->high - (gpa - HIGH_BASE))
		return (ctx->memory + gpa);
	return (NULL);
}

size_t
vm_get_lowmem_size(struct vmctx *ctx)
{
	return (ctx->low);
}

size_t
vm_get_highmem_size(struct vmctx *ctx)
{
	return (ctx->high);
}

#if __FreeBSD_version >= 1400000

struct vcpu {
	int number;
};

static struct vcpu processor = { -1 };

#define ON_VCPU struct vcpu *vcpu
#define VCPU_CHECKED (must(vcpu == &processor && machine.memory != NULL, "no such processor"), vcpu->number)

struct vcpu *
vm_vcpu_open(struct vmctx *ctx, int vcpu)
{
	must(ctx == &machine, "vm_vcpu_open");
	if (record("vm_vcpu_open", " %d", vcpu) != 0)
		return (NULL);
	processor.number = vcpu;
	return (&processor);
}

int
vm_limit_rights(struct vmctx *ctx)
{
	must(ctx == &machine, "vm_limit_rights");
	return (record("vm_limit_rights", " "));
}

#else

#define ON_VCPU struct vmctx *ctx, int vcpu
#define VCPU_CHECKED (must(ctx == &machine && ctx->memory != NULL, "no such processor"), vcpu)
#define MACHINE_FD 1234

int
vm_get_device_fd(struct vmctx *ctx)
{
	must(ctx == &machine, "vm_get_device_fd");
	return (MACHINE_FD);
}

/* With NULL a copy that the caller frees, else the number of commands. */
const cap_ioctl_t *
vm_get_ioctls(size_t *count)
{
	static const cap_ioctl_t commands[] = { 1, 2, 3 };
	cap_ioctl_t *copy;

	if (count != NULL) {
		*count = sizeof(commands) / sizeof(commands[0]);
		return (NULL);
	}
	if ((copy = malloc(sizeof(commands))) != NULL)
		(void)memcpy(copy, commands, sizeof(commands));
	return (copy);
}

#endif

int
vm_set_register(ON_VCPU, int reg, uint64_t value)
{
	return (record("vm_set_register", " %d %d %#" PRIx64, VCPU_CHECKED, reg, value));
}

int
vm_set_desc(ON_VCPU, int reg, uint64_t base, uint32_t limit, uint32_t access)
{
	return (record("vm_set_desc", " %d %d %#" PRIx64 " %" PRIu32 " %" PRIu32, VCPU_CHECKED, reg, base, limit,
	    access));
}

int
vm_setup_freebsd_registers(ON_VCPU, uint64_t rip, uint64_t cr3, uint64_t gdtbase, uint64_t rsp)
{
	return (record("vm_setup_freebsd_registers", " %d %#" PRIx64 " %#" PRIx64 " %#" PRIx64 " %#" PRIx64,
	    VCPU_CHECKED, rip, cr3, gdtbase, rsp));
}

int
vm_setup_freebsd_registers_i386(ON_VCPU, uint32_t eip, uint32_t gdtbase, uint32_t esp)
{
	return (record("vm_setup_freebsd_registers_i386", " %d %#" PRIx32 " %#" PRIx32 " %#" PRIx32, VCPU_CHECKED, eip,
	    gdtbase, esp));
}

cap_rights_t *
double_rights_init(int version, cap_rights_t *rights, ...)
{
	unsigned long long right;
	va_list values;

	(void)memset(rights, 0, sizeof(*rights));
	va_start(values, rights);
	while ((right = va_arg(values, unsigned long long)) != 0)
		rights->cr_rights[version] |= right;
	va_end(values);
	return (rights);
}

int
caph_rights_limit(int fd, const cap_rights_t *rights)
{
	return (record("caph_rights_limit", " %d %#" PRIx64, fd, rights->cr_rights[0]));
}

int
caph_ioctls_limit(int fd, const unsigned long *commands, size_t count)
{
	return (record("caph_ioctls_limit", " %d %lu.. %zu", fd, commands[0], count));
}

int
caph_limit_stdio(void)
{
	return (record("caph_limit_stdio", " "));
}

/* How much of the input was read before: nothing, which only a file can tell. */
int
caph_enter(void)
{
	if (record("caph_enter", " %lld", (long long)lseek(STDIN_FILENO, 0, SEEK_CUR)) != 0)
		return (-1);
	confined = true;
	return (0);
}
