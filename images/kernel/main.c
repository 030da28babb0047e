/*
 * The test kernel: prints on COM1 what the loader handed over, one fact a line,
 * then powers the machine off.
 *
 *   cpu: rsp=0x1000 cr0=...             state at the entry point
 *   entry: modulep=... kernend=...      words of the boot stack
 *   bootinfo: ...                       i386 only
 *   file: name=... type=...             one per preloaded file, then its records
 *   record: type=0x8002 size=64 crc32=...
 *   loaded: addr=... size=... crc32=... of=...
 *   howto: 0x1000
 *   env: name=value
 *   smap: base=... length=... type=1
 *   end: files=... records=... env=...
 *
 * `of` is how many bytes from addr the checksum covers: all of a module or raw
 * file; of the kernel only what it cannot change by running (up to the end of
 * its read-only segment).
 */
#include "abi.h"
#include "console.h"
#include "machine.h"

/* Own module metadata: the loader learns from it that "kernel" is present. */
VERSION_OF_MODULE(kernel_version, "kernel", 1201000);
VERSION_OF_MODULE(base_version, "ubbase", 1);

struct entry_state entry_state __attribute__((section(".data"))) = { .rsp = 1 };

extern const char kernel_start[], kernel_read_only_end[];
extern const struct mod_metadata *const __start_set_modmetadata_set[];
extern const struct mod_metadata *const __stop_set_modmetadata_set[];
extern const char _DYNAMIC[] __attribute__((weak));

#define MAX_RECORDS 4096
#define MAX_ENVIRONMENT (1 << 20)

static u32 crc_table[256];

static void
crc_init(void)
{
	for (u32 i = 0; i < 256; i++) {
		u32 value = i;

		for (int bit = 0; bit < 8; bit++)
			value = (value >> 1) ^ ((value & 1) ? 0xedb88320u : 0);
		crc_table[i] = value;
	}
}

static u32
crc32(const u8 *bytes, uptr length)
{
	u32 crc = ~0u;

	while (length-- > 0)
		crc = (crc >> 8) ^ crc_table[(crc ^ *bytes++) & 0xff];
	return (~crc);
}

/* Both guests can read low physical memory at its own address. */
static const u8 *
physical(u64 address)
{
	return ((const u8 *)(uptr)address);
}

static u64
number(const u8 *payload, u32 size)
{
	u64 value = 0;

	for (u32 i = 0; i < size && i < 8; i++)
		value |= (u64)payload[i] << (8 * i);
	return (value);
}

static void
field(const char *name, u64 value)
{
	put_char(' ');
	put(name);
	put_char('=');
	put_hex(value);
}

static void
field_crc(const u8 *bytes, uptr length)
{
	put(" crc32=");
	put_crc(crc32(bytes, length));
}

static void
print_entry(void)
{
	const struct entry_state *s = &entry_state;

	put("cpu:");
	field("rsp", s->rsp);
	field("rflags", s->rflags);
	field("cr0", s->cr0);
	field("cr3", s->cr3);
	field("cr4", s->cr4);
	field("efer", s->efer);
	field("cs", s->cs);
	field("ss", s->ss);
	field("ds", s->ds);
	field("gdt", s->gdt_base);
	field("limit", s->gdt_limit);
	put("\nentry:");
	field("return", s->arguments[0]);
#ifdef __x86_64__
	field("modulep", s->arguments[1]);
	field("kernend", s->arguments[2]);
	put_char('\n');
#else
	field("howto", s->arguments[1]);
	field("bootdev", s->arguments[2]);
	field("bootinfo", s->arguments[6]);
	field("modulep", s->arguments[7]);
	field("kernend", s->arguments[8]);
	put_char('\n');

	if (s->arguments[6] != 0) {
		const u32 *bootinfo = (const u32 *)physical(s->arguments[6]);

		put("bootinfo:");
		field("version", bootinfo[BI_VERSION]);
		put(" kernel=");
		put((const char *)physical(bootinfo[BI_KERNELNAME]));
		field("size", bootinfo[BI_SIZE]);
		field("basemem", bootinfo[BI_BASEMEM]);
		field("extmem", bootinfo[BI_EXTMEM]);
		field("symtab", bootinfo[BI_SYMTAB]);
		field("esymtab", bootinfo[BI_ESYMTAB]);
		field("kernend", bootinfo[BI_KERNEND]);
		field("envp", bootinfo[BI_ENVP]);
		field("modulep", bootinfo[BI_MODULEP]);
		put_char('\n');
	}
#endif
}

static void
print_own_sections(void)
{
	put("self:");
	field("modmetadata", (u64)(__stop_set_modmetadata_set - __start_set_modmetadata_set));
	field("dynamic", (uptr)_DYNAMIC);
	put_char('\n');
}

static u32
print_environment(u64 address)
{
	const char *text = (const char *)physical(address);
	const char *end = text + MAX_ENVIRONMENT;
	u32 count = 0;

	while (text < end && *text != '\0') {
		put("env: ");
		put(text);
		put_char('\n');
		while (*text++ != '\0')
			;
		count++;
	}
	return (count);
}

static void
print_smap(const u8 *payload, u32 size)
{
	const struct smap_entry *entry = (const struct smap_entry *)payload;

	for (; size >= sizeof(*entry); entry++, size -= sizeof(*entry)) {
		put("smap:");
		field("base", entry->base);
		field("length", entry->length);
		field("type", entry->type);
		put_char('\n');
	}
}

/* One preloaded file, collected from its records. */
struct file {
	const char *name;
	u64 address, size, ssym, esym;
	int is_kernel;
};

static void
print_loaded(const struct file *file)
{
	u64 covered = file->size;

	if (file->name == 0)
		return;
	if (file->is_kernel)
		covered = (u64)(kernel_read_only_end - kernel_start);
	put("loaded:");
	field("addr", file->address);
	field("size", file->size);
	field_crc(physical(file->address), (uptr)covered);
	field("of", covered);
	if (file->esym > file->ssym) {
		put("\nsymbols:");
		field("start", file->ssym);
		field("end", file->esym);
		field_crc(physical(file->ssym), (uptr)(file->esym - file->ssym));
	}
	put_char('\n');
}

static void
print_chain(u64 modulep)
{
	const u8 *at = physical(modulep);
	struct file file = { 0 };
	u32 files = 0, records = 0, variables = 0;
	u64 environment = 0;

	for (; records < MAX_RECORDS; records++) {
		u32 type = ((const u32 *)at)[0];
		u32 size = ((const u32 *)at)[1];
		const u8 *payload = at + 8;

		if (type == PRELOAD_END)
			break;
		switch (type) {
		case PRELOAD_NAME:
			print_loaded(&file);
			file = (struct file){ .name = (const char *)payload };
			put("file: name=");
			put(file.name);
			put_char('\n');
			files++;
			break;
		case PRELOAD_TYPE:
			put("type: ");
			put((const char *)payload);
			put_char('\n');
			file.is_kernel = files == 1;
			break;
		case PRELOAD_ARGS:
			put("args: ");
			put((const char *)payload);
			put_char('\n');
			break;
		case PRELOAD_ADDR:
			file.address = number(payload, size);
			break;
		case PRELOAD_SIZE:
			file.size = number(payload, size);
			break;
		default:
			put("record:");
			field("type", type);
			put(" size=");
			put_decimal(size);
			if (size <= 8)
				field("value", number(payload, size));
			else
				field_crc(payload, size);
			put_char('\n');
		}
		if (type == META_SSYM)
			file.ssym = number(payload, size);
		if (type == META_ESYM)
			file.esym = number(payload, size);
		if (type == META_HOWTO) {
			put("howto: ");
			put_hex(number(payload, size));
			put_char('\n');
		}
		if (type == META_ENVP)
			environment = number(payload, size);
		if (type == META_SMAP)
			print_smap(payload, size);
		at = payload + ((size + PRELOAD_ALIGN - 1) & ~(u32)(PRELOAD_ALIGN - 1));
	}
	print_loaded(&file);
	if (environment != 0)
		variables = print_environment(environment);
	put("end: files=");
	put_decimal(files);
	put(" records=");
	put_decimal(records);
	put(" env=");
	put_decimal(variables);
	put_char('\n');
}

#define QEMU_PM_CONTROL 0x604
#define BOCHS_PM_CONTROL 0xb004
#define ACPI_SLEEP 0x2000
#define QEMU_DEBUG_EXIT 0xf4

#define CPUID_HYPERVISOR 0x40000000
#define VENDOR_TCG 0x54474354 /* "TCGTCGTCGTCG" and "KVMKVMKVM" begin so */
#define VENDOR_KVM 0x4b4d564b

static int
under_qemu(void)
{
	u32 a = CPUID_HYPERVISOR, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return (b == VENDOR_TCG || b == VENDOR_KVM);
}

/* ACPI power-off where QEMU's PC and Bochs have it; QEMU's debug exit, a port that means something else in v86. */
static void
power_off(void)
{
	out16(QEMU_PM_CONTROL, ACPI_SLEEP);
	out16(BOCHS_PM_CONTROL, ACPI_SLEEP);
	if (under_qemu())
		out8(QEMU_DEBUG_EXIT, 0);
}

void kernel_main(void);

void
kernel_main(void)
{
	console_init();
	crc_init();
	put("\nuserboot-wasm test kernel, ");
	put(machine_name);
	put("\n");
	print_entry();
	print_own_sections();
#ifdef __x86_64__
	print_chain(entry_state.arguments[1]);
#else
	print_chain(entry_state.arguments[7]);
#endif
	power_off();
}
