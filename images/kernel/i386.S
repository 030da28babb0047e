/*
 * i386 entry.  The loader leaves flat protected mode without paging at the
 * entry point's physical address; the boot stack holds nine words: return
 * address, howto, bootdev, three zeros, bootinfo, modulep, kernend.  Saves what
 * it finds, maps 4 GiB with 4 MiB pages (virtual = physical, and the kernel's
 * window at 0xc0000000 onto the first GiB), and calls main.c up there.
 */
#define KERNBASE	0xc0000000
#define PHYS(symbol)	(symbol - KERNBASE)
#define STATE(offset)	PHYS(entry_state) + offset

	.text
	.globl	btext
	.type	btext, @function
btext:
	cli
	cld
	movl	%esp, STATE(0)
	movl	$0, STATE(4)
	pushfl
	popl	%eax
	movl	%eax, STATE(8)
	movl	%cr0, %eax
	movl	%eax, STATE(16)
	movl	%cr3, %eax
	movl	%eax, STATE(24)
	movl	%cr4, %eax
	movl	%eax, STATE(32)

	subl	$8, %esp
	sgdt	(%esp)
	movzwl	(%esp), %eax
	movl	%eax, STATE(56)
	movl	2(%esp), %eax
	movl	%eax, STATE(48)
	addl	$8, %esp
	movl	%cs, %eax
	movl	%eax, STATE(60)
	movl	%ss, %eax
	movl	%eax, STATE(64)
	movl	%ds, %eax
	movl	%eax, STATE(68)

	movl	%esp, %esi
	movl	$STATE(72), %edi
	movl	$9, %ecx
	rep
	movsl

	/* Page directory: entry n shows 4 MiB number n; from 768 on, n - 768. */
	movl	$PHYS(page_directory), %edi
	xorl	%ecx, %ecx
1:	movl	%ecx, %eax
	cmpl	$768, %eax
	jb	2f
	subl	$768, %eax
2:	shll	$22, %eax
	orl	$0x83, %eax			/* present, writable, 4 MiB */
	movl	%eax, (%edi, %ecx, 4)
	incl	%ecx
	cmpl	$1024, %ecx
	jb	1b

	movl	%cr4, %eax
	orl	$0x10, %eax			/* PSE */
	movl	%eax, %cr4
	movl	$PHYS(page_directory), %eax
	movl	%eax, %cr3
	movl	%cr0, %eax
	orl	$0x80000000, %eax
	movl	%eax, %cr0
	movl	$3f, %eax
	jmp	*%eax
3:	movl	$boot_stack_top, %esp
	xorl	%ebp, %ebp
	call	kernel_main
4:	cli
	hlt
	jmp	4b
	.size	btext, . - btext

	.section .rodata
	.globl	machine_name
	.type	machine_name, @object
	.size	machine_name, 8
machine_name:
	.asciz	"i386"
	.skip	3

	.bss
	.balign	4096
page_directory:
	.skip	4096
	.skip	16384
boot_stack_top:

	.section .note.GNU-stack,"",@progbits
