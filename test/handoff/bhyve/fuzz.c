/*
 * A target of libFuzzer (https://llvm.org/docs/LibFuzzer.html) for userboot-bhyve's reader of machine files, with the double of libvmmapi
 * beside it: `clang -fsanitize=fuzzer,address,undefined`, as test/support/bhyve_double.ts compiles it. What is mutated gets a right check
 * at its end, nearly always, since nothing but that would be tried otherwise.
 */

#include <sys/mman.h>

#define	main	userboot_bhyve_main
int userboot_bhyve_main(int, char **);
#include "../../../handoff/bhyve/userboot-bhyve.c"
#undef main

/* As the files that the test begins with. */
#define	GUEST_MEMORY	(64 * MIB)

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);
size_t LLVMFuzzerCustomMutator(uint8_t *, size_t, size_t, unsigned int);
size_t LLVMFuzzerMutate(uint8_t *, size_t, size_t);

/* Ends the program: what the reader let pass isn't so. */
static void
demand(bool condition, const char *what)
{
	if (condition)
		return;
	(void)fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

/* Has `bytes` on a descriptor that is read from its start. */
static int
input_of(const uint8_t *bytes, size_t size)
{
	static int fd = -1;

	if (fd < 0)
		demand((fd = memfd_create("machine", 0)) >= 0, "memfd_create");
	demand(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0, "an empty input");
	demand(write(fd, bytes, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0, "an input");
	return (fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct guest guest;
	struct machine machine;
	const char *fault;

	if (guest.ctx == NULL)
		open_guest(&guest, "guest", GUEST_MEMORY, 0);
	(void)memset(&machine, 0xa5, sizeof(machine));
	if ((fault = read_machine(input_of(bytes, size), &machine, &guest)) != NULL) {
		demand(*fault != '\0' && strchr(fault, '\n') == NULL, "a fault is one line");
		return (0);
	}
	/* What is left is an encoding of what was read: of no other size, and with its memory where it was said to be. */
	demand(size == HEADER_SIZE + (size_t)machine.requests * REQUEST_SIZE + (size_t)machine.ranges * RANGE_SIZE +
	    (size_t)machine.content + CHECK_SIZE, "a file of another size was taken");
	for (size_t i = 0, at = HEADER_SIZE + (size_t)machine.requests * REQUEST_SIZE; i < machine.ranges; i++) {
		const uint64_t gpa = get64(bytes + at), length = get64(bytes + at + 8);

		demand(memcmp(vm_map_gpa(guest.ctx, gpa, (size_t)length), bytes + at + RANGE_SIZE, (size_t)length) == 0,
		    "memory isn't as in the file");
		at += RANGE_SIZE + (size_t)length;
	}
	demand(set_registers(&machine, &guest) == 0, "the registers can't be set");
	return (0);
}

size_t
LLVMFuzzerCustomMutator(uint8_t *bytes, size_t size, size_t most, unsigned int seed)
{
	uint32_t crc;

	size = LLVMFuzzerMutate(bytes, size, most);
	if (size < CHECK_SIZE || seed % 16 == 0)
		return (size);
	crc_begin();
	crc = ~crc_add(UINT32_MAX, bytes, size - CHECK_SIZE);
	for (size_t i = 0; i < CHECK_SIZE; i++)
		bytes[size - CHECK_SIZE + i] = (uint8_t)(crc >> (8 * i));
	return (size);
}
