/*-
 * SPDX-License-Identifier: BSD-2-Clause
 *
 * userboot-bhyve [-CS] [-m size] vmname < machine
 *
 * Makes a bhyve virtual machine out of a machine file (docs/machine-file.md), which comes on standard input: what
 * bhyveload(8) does behind its loader, with the same calls of libvmmapi in the same order. bhyve(8) then runs it.
 *
 * The loader's work, and so whatever the guest's disk brought about, is over when this runs. The input is trusted with
 * nothing all the same: all that needs the system is done before the first byte of it is read, then this process
 * enters capability mode with no more than its input, its messages and the one virtual machine. Registers are set after
 * the check at the input's end is found right.
 *
 * FreeBSD 12 and 13 (libvmmapi takes a context and a number) and 14 and later (it takes a struct vcpu), on amd64.
 */

#include <sys/param.h>
#include <sys/types.h>
#include <sys/capsicum.h>

#include <machine/vmm.h>

#include <capsicum_helpers.h>
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <vmmapi.h>

#define	MIB		((uint64_t)1 << 20)
#define	GIB		((uint64_t)1 << 30)
#define	BSP		0	/* the processor that boots */
#define	MEMORY_DEFAULT	(256 * MIB)	/* bhyveload's */
#define	MEMORY_MAX	((uint64_t)1 << 46)	/* more isn't addressed by any machine */

/* The machine file: docs/machine-file.md. All numbers are little endian. */
#define	MAGIC		"userboot"
#define	MAGIC_SIZE	8
#define	VERSION		1
#define	HEADER_SIZE	320
#define	REQUEST_SIZE	24
#define	RANGE_SIZE	16
#define	CHECK_SIZE	4
#define	REQUESTS_MAX	64
#define	RANGES_MAX	8192
#define	PIECE		MIB	/* read at once, and checked while it is in the cache */

enum kind { KIND_AMD64 = 1, KIND_I386 = 2 };
enum request_kind { SETREG = 1, SETMSR, SETCR, SETGDT, EXEC };

/* The loader's numbers of registers. */
#define	NUMBER_RSP	4
#define	NUMBER_EFER	0xc0000080u

struct segment {
	uint64_t	base;
	uint32_t	limit;
	uint32_t	access;
	uint32_t	selector;
};

/* Segments in the order of the file. */
enum { CS, DS, ES, FS, GS, SS, TR, LDTR, SEGMENTS };

struct request {
	uint32_t	kind;
	uint32_t	number;
	uint64_t	first;
	uint64_t	second;
};

/* A machine file but for its memory, which goes to the guest as it comes. */
struct machine {
	uint32_t	kind;
	uint64_t	low, high;
	uint32_t	requests, ranges;
	uint64_t	content;
	uint64_t	rip, rsp, rflags, cr0, cr3, cr4, efer;
	struct segment	segment[SEGMENTS];
	uint64_t	gdt;
	uint32_t	gdt_limit;
	struct request	request[REQUESTS_MAX];
};

/* What the guest becomes: a virtual machine with memory, and its first processor. */
struct guest {
	struct vmctx	*ctx;
#if __FreeBSD_version >= 1400000
	struct vcpu	*vcpu;
#endif
};

/* The two forms of libvmmapi's calls for a processor. */
#if __FreeBSD_version >= 1400000
#define	ON_VCPU(guest)	(guest)->vcpu
#else
#define	ON_VCPU(guest)	(guest)->ctx, BSP
#endif

struct input {
	int		fd;
	uint32_t	crc;
};

static uint32_t crc_table[256];

static const char *wrong(const char *, ...) __attribute__((format(printf, 1, 2)));

/* What is wrong, as one line. */
static const char *
wrong(const char *format, ...)
{
	static char line[160];
	va_list values;

	va_start(values, format);
	(void)vsnprintf(line, sizeof(line), format, values);
	va_end(values);
	return (line);
}

/* CRC-32C (RFC 3720). */
static void
crc_begin(void)
{
	for (uint32_t byte = 0; byte < 256; byte++) {
		uint32_t value = byte;

		for (int bit = 0; bit < 8; bit++)
			value = (value & 1) != 0 ? (value >> 1) ^ 0x82f63b78u : value >> 1;
		crc_table[byte] = value;
	}
}

static uint32_t
crc_add(uint32_t crc, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		crc = crc_table[(crc ^ bytes[i]) & 0xff] ^ (crc >> 8);
	return (crc);
}

/* Reads as much as there is, up to `size`; -1 with errno set when that fails. */
static ssize_t
read_some(int fd, uint8_t *to, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t count = read(fd, to + done, size - done);

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return (-1);
		if (count == 0)
			break;
		done += (size_t)count;
	}
	return ((ssize_t)done);
}

/* Reads `size` bytes of `what`, all of them; NULL, or what is wrong. */
static const char *
take(struct input *input, void *to, uint64_t size, const char *what)
{
	uint8_t *at = to;

	while (size > 0) {
		size_t piece = (size_t)MIN(size, PIECE);
		ssize_t count = read_some(input->fd, at, piece);

		if (count < 0)
			return (wrong("the input can't be read: %s", strerror(errno)));
		if ((size_t)count < piece)
			return (wrong("the input ends early, in %s", what));
		input->crc = crc_add(input->crc, at, piece);
		at += piece;
		size -= piece;
	}
	return (NULL);
}

static uint32_t
get32(const uint8_t *at)
{
	return ((uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24);
}

static uint64_t
get64(const uint8_t *at)
{
	return ((uint64_t)get32(at) | (uint64_t)get32(at + 4) << 32);
}

static const char *
take_header(struct input *input, struct machine *m)
{
	uint8_t bytes[HEADER_SIZE];
	const uint8_t *at = bytes + 104;
	const char *fault;

	if ((fault = take(input, bytes, sizeof(bytes), "the header")) != NULL)
		return (fault);
	if (memcmp(bytes, MAGIC, MAGIC_SIZE) != 0)
		return (wrong("the input is no machine file (userboot pack --format machine)"));
	if (get32(bytes + 8) != VERSION)
		return (wrong("version %" PRIu32 " of machine files isn't known", get32(bytes + 8)));
	m->kind = get32(bytes + 12);
	m->low = get64(bytes + 16);
	m->high = get64(bytes + 24);
	m->requests = get32(bytes + 32);
	m->ranges = get32(bytes + 36);
	m->content = get64(bytes + 40);
	m->rip = get64(bytes + 48);
	m->rsp = get64(bytes + 56);
	m->rflags = get64(bytes + 64);
	m->cr0 = get64(bytes + 72);
	m->cr3 = get64(bytes + 80);
	m->cr4 = get64(bytes + 88);
	m->efer = get64(bytes + 96);
	for (int i = 0; i < SEGMENTS; i++, at += 24) {
		m->segment[i] = (struct segment){ get64(at), get32(at + 8), get32(at + 12), get32(at + 16) };
		if (get32(at + 20) != 0)
			return (wrong("bytes of segment %d that have no meaning aren't zero", i));
	}
	m->gdt = get64(at);
	m->gdt_limit = get32(at + 8);
	if (get32(at + 12) != 0 || get64(at + 16) != 0)
		return (wrong("bytes of the header that have no meaning aren't zero"));
	if (m->kind != KIND_AMD64 && m->kind != KIND_I386)
		return (wrong("kind %" PRIu32 " of machines isn't known", m->kind));
	if (m->requests == 0 || m->requests > REQUESTS_MAX)
		return (wrong("%" PRIu32 " requests aren't between 1 and %d", m->requests, REQUESTS_MAX));
	if (m->ranges > RANGES_MAX)
		return (wrong("%" PRIu32 " ranges are more than %d", m->ranges, RANGES_MAX));
	return (NULL);
}

static bool
is_segment(const struct segment *s, uint64_t base, uint32_t limit, uint32_t access, uint32_t selector)
{
	return (s->base == base && s->limit == limit && s->access == access && s->selector == selector);
}

/*
 * libvmmapi knows two states of a processor that enters FreeBSD, and sets nearly all of each by itself. A file with
 * another state is refused, so that what runs is what is written there.
 */
static const char *
check_state(const struct machine *m)
{
	const bool wide = m->kind == KIND_AMD64;
	const uint32_t limit = wide ? 0 : UINT32_MAX;
	const uint64_t task = wide ? 0 : (m->gdt + 0x1000) & UINT32_MAX;
	bool same;

	same = m->rflags == 0x2 && m->cr0 == (wide ? 0x80000021 : 0x21) && m->cr4 == (wide ? 0x20 : 0) &&
	    m->efer == (wide ? 0x500 : 0) && m->gdt_limit == (wide ? 23 : 31) && (m->cr3 != 0) == wide;
	if (!wide)
		same = same && m->rip <= UINT32_MAX && m->rsp <= UINT32_MAX && m->gdt <= UINT32_MAX;
	same = same && is_segment(&m->segment[CS], 0, limit, wide ? 0x209b : 0xc09b, 8);
	for (int i = DS; i <= SS; i++)
		same = same && is_segment(&m->segment[i], 0, limit, wide ? 0x93 : 0xc093, 16);
	same = same && is_segment(&m->segment[TR], task, wide ? 0 : 103, 0x8b, wide ? 0 : 24);
	same = same && is_segment(&m->segment[LDTR], 0, 0, 0x10000, 0);
	return (same ? NULL : wrong("the registers aren't those that libvmmapi enters a FreeBSD kernel with"));
}

/* libvmmapi's name of the register that a request sets; VM_REG_LAST when there is none. */
static int
register_of(const struct request *r)
{
	if (r->kind == SETREG && r->number == NUMBER_RSP)
		return (VM_REG_GUEST_RSP);
	if (r->kind == SETMSR && r->number == NUMBER_EFER)
		return (VM_REG_GUEST_EFER);
	if (r->kind == SETCR && r->number == 0)
		return (VM_REG_GUEST_CR0);
	if (r->kind == SETCR && r->number == 3)
		return (VM_REG_GUEST_CR3);
	if (r->kind == SETCR && r->number == 4)
		return (VM_REG_GUEST_CR4);
	return (VM_REG_LAST);
}

/* Reads what the loader asked for, which has to lead to the state in the header. */
static const char *
take_requests(struct input *input, struct machine *m)
{
	uint64_t rip = 0, rsp = 0, cr3 = 0, gdt = 0;
	const char *fault;

	for (uint32_t i = 0; i < m->requests; i++) {
		struct request *r = &m->request[i];
		uint8_t bytes[REQUEST_SIZE];

		if ((fault = take(input, bytes, sizeof(bytes), "the requests")) != NULL)
			return (fault);
		*r = (struct request){ get32(bytes), get32(bytes + 4), get64(bytes + 8), get64(bytes + 16) };
		if ((r->kind == EXEC) != (i == m->requests - 1))
			return (wrong("request %" PRIu32 " isn't where the kernel is entered, which is the last", i));
		if (r->kind == EXEC)
			rip = r->first;
		else if (r->kind == SETGDT && r->second > 0 && r->second - 1 <= UINT16_MAX)
			gdt = r->first;
		else if (register_of(r) == VM_REG_LAST)
			return (wrong("request %" PRIu32 " (kind %" PRIu32 ", number %#" PRIx32 ") isn't known", i,
			    r->kind, r->number));
		else if (register_of(r) == VM_REG_GUEST_RSP)
			rsp = r->first;
		else if (register_of(r) == VM_REG_GUEST_CR3)
			cr3 = r->first;
	}
	if (rip != m->rip || rsp != m->rsp || cr3 != m->cr3 || gdt != m->gdt)
		return (wrong("the requests lead to other registers than those of the header"));
	return (NULL);
}

/* Reads the ranges of memory to where they belong in the guest. */
static const char *
take_memory(struct input *input, const struct machine *m, const struct guest *guest)
{
	uint64_t end = 0, content = 0;
	const char *fault;

	for (uint32_t i = 0; i < m->ranges; i++) {
		uint8_t bytes[RANGE_SIZE];
		uint64_t gpa, size;
		void *to;

		if ((fault = take(input, bytes, sizeof(bytes), "a range")) != NULL)
			return (fault);
		gpa = get64(bytes);
		size = get64(bytes + 8);
		/* vm_map_gpa looks where memory is; here nothing wraps, goes back or is empty. */
		if (gpa < end || size == 0 || size > MEMORY_MAX || gpa > MEMORY_MAX || size > m->content - content)
			return (wrong("range %" PRIu32 " (%#" PRIx64 ", %" PRIu64 " bytes) is out of order", i, gpa,
			    size));
		if ((to = vm_map_gpa(guest->ctx, gpa, (size_t)size)) == NULL)
			return (wrong("range %" PRIu32 " (%#" PRIx64 ", %" PRIu64 " bytes) isn't in memory", i, gpa,
			    size));
		if ((fault = take(input, to, size, "guest memory")) != NULL)
			return (fault);
		end = gpa + size;
		content += size;
	}
	return (content == m->content ? NULL : wrong("the ranges have less than the header says"));
}

/* Reads the check at the end, behind which there is nothing. */
static const char *
take_check(struct input *input)
{
	const uint32_t crc = ~input->crc;
	uint8_t bytes[CHECK_SIZE], more;
	const char *fault;

	if ((fault = take(input, bytes, sizeof(bytes), "the check")) != NULL)
		return (fault);
	if (get32(bytes) != crc)
		return (wrong("the input is damaged: its check is %08" PRIx32 ", not %08" PRIx32, get32(bytes), crc));
	return (read_some(input->fd, &more, 1) == 0 ? NULL : wrong("there is more behind the input's end"));
}

/* Reads a machine whose memory is that of `guest`: NULL, or what is wrong with it. */
static const char *
read_machine(int fd, struct machine *m, const struct guest *guest)
{
	struct input input = { fd, UINT32_MAX };
	const char *fault;

	crc_begin();
	if ((fault = take_header(&input, m)) != NULL || (fault = check_state(m)) != NULL)
		return (fault);
	if (m->low != vm_get_lowmem_size(guest->ctx) || m->high != vm_get_highmem_size(guest->ctx))
		return (wrong("the machine has %" PRIu64 "+%" PRIu64 " bytes of memory, not as -m says", m->low,
		    m->high));
	if ((fault = take_requests(&input, m)) != NULL || (fault = take_memory(&input, m, guest)) != NULL)
		return (fault);
	return (take_check(&input));
}

/* Does what the loader asked for, as bhyveload does at once. */
static int
set_registers(const struct machine *m, const struct guest *guest)
{
	for (uint32_t i = 0; i < m->requests; i++) {
		const struct request *r = &m->request[i];
		int error = 0;

		if (r->kind == SETGDT)
			error = vm_set_desc(ON_VCPU(guest), VM_REG_GUEST_GDTR, r->first, (uint32_t)(r->second - 1), 0);
		else if (r->kind != EXEC)
			error = vm_set_register(ON_VCPU(guest), register_of(r), r->first);
		if (error != 0)
			return (error);
	}
	if (m->kind == KIND_I386)
		return (vm_setup_freebsd_registers_i386(ON_VCPU(guest), (uint32_t)m->rip, (uint32_t)m->gdt,
		    (uint32_t)m->rsp));
	return (vm_setup_freebsd_registers(ON_VCPU(guest), m->rip, m->cr3, m->gdt, m->rsp));
}

/* Creates the virtual machine, or takes the one that is there, and gives it memory. */
static void
open_guest(struct guest *guest, const char *name, uint64_t memory, int flags)
{
	bool exists = false;

	if (vm_create(name) != 0) {
		if (errno != EEXIST)
			err(EXIT_FAILURE, "vm_create: %s", name);
		exists = true;
	}
	if ((guest->ctx = vm_open(name)) == NULL)
		err(EXIT_FAILURE, "vm_open: %s", name);
#if __FreeBSD_version >= 1400000
	if ((guest->vcpu = vm_vcpu_open(guest->ctx, BSP)) == NULL)
		err(EXIT_FAILURE, "vm_vcpu_open: %s", name);
#endif
	if (exists && vm_reinit(guest->ctx) != 0)
		err(EXIT_FAILURE, "vm_reinit: %s", name);
	vm_set_memflags(guest->ctx, flags);
	if (vm_setup_memory(guest->ctx, (size_t)memory, VM_MMAP_ALL) != 0)
		err(EXIT_FAILURE, "vm_setup_memory: %s", name);
}

/* Gives up all but the guest, the input and the messages. */
static void
enter_capability_mode(const struct guest *guest)
{
#if __FreeBSD_version >= 1400000
	if (vm_limit_rights(guest->ctx) != 0)
		err(EXIT_FAILURE, "vm_limit_rights");
#else
	const int fd = vm_get_device_fd(guest->ctx);
	cap_rights_t rights;
	const cap_ioctl_t *commands;
	size_t count;

	(void)vm_get_ioctls(&count);
	commands = vm_get_ioctls(NULL);
	if (commands == NULL)
		err(EXIT_FAILURE, "vm_get_ioctls");
	cap_rights_init(&rights, CAP_IOCTL, CAP_MMAP_RW);
	if (caph_rights_limit(fd, &rights) != 0 || caph_ioctls_limit(fd, commands, count) != 0)
		err(EXIT_FAILURE, "the rights to the virtual machine can't be limited");
	free((void *)(uintptr_t)commands);
#endif
	if (caph_limit_stdio() != 0 || caph_enter() != 0)
		err(EXIT_FAILURE, "capability mode can't be entered");
}

/* A size as bhyveload has it: a number below 1 MiB counts MiB, unless it has a suffix; 0 when it is none. */
static uint64_t
parse_size(const char *text)
{
	static const char suffixes[] = "kmgt";
	const char *suffix;
	char *end;
	uintmax_t value;
	unsigned int shift = 0;

	errno = 0;
	value = strtoumax(text, &end, 0);
	if (errno != 0 || end == text || *text == '-')
		return (0);
	if (*end != '\0') {
		const char lower = (char)(*end | 0x20);

		if ((suffix = strchr(suffixes, lower)) == NULL || end[1] != '\0')
			return (0);
		shift = 10 * ((unsigned int)(suffix - suffixes) + 1);
	} else if (value < MIB)
		shift = 20;
	if (value > MEMORY_MAX >> shift)
		return (0);
	return ((uint64_t)value << shift);
}

static void
usage(void)
{
	(void)fprintf(stderr, "usage: userboot-bhyve [-CS] [-m size] vmname < machine\n");
	exit(EX_USAGE);
}

int
main(int argc, char **argv)
{
	static struct machine machine;
	struct guest guest;
	uint64_t memory = MEMORY_DEFAULT;
	const char *fault;
	int flags = 0, option;

	while ((option = getopt(argc, argv, "CSm:")) != -1) {
		switch (option) {
		case 'C':
			flags |= VM_MEM_F_INCORE;
			break;
		case 'S':
			flags |= VM_MEM_F_WIRED;
			break;
		case 'm':
			if ((memory = parse_size(optarg)) == 0)
				errx(EX_USAGE, "bad memory size '%s'", optarg);
			break;
		default:
			usage();
		}
	}
	if (argc - optind != 1)
		usage();

	open_guest(&guest, argv[optind], memory, flags);
	enter_capability_mode(&guest);
	if ((fault = read_machine(STDIN_FILENO, &machine, &guest)) != NULL)
		errx(EX_DATAERR, "%s", fault);
	if (set_registers(&machine, &guest) != 0)
		err(EXIT_FAILURE, "the registers can't be set");
	return (EXIT_SUCCESS);
}
