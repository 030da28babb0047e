/*
 * amd64 entry.  The loader has switched to long mode, every GiB of the virtual
 * space shows the first GiB of memory, and the boot stack holds three words:
 * return address, modulep, kernend.  Saves what it finds, takes a stack of the
 * kernel's own and calls main.c.
 */
	.text
	.globl	btext
	.type	btext, @function
btext:
	cli
	cld
	movq	%rsp, entry_state+0(%rip)
	pushfq
	popq	%rax
	movq	%rax, entry_state+8(%rip)
	movq	%cr0, %rax
	movq	%rax, entry_state+16(%rip)
	movq	%cr3, %rax
	movq	%rax, entry_state+24(%rip)
	movq	%cr4, %rax
	movq	%rax, entry_state+32(%rip)
	movl	$0xc0000080, %ecx		/* EFER */
	rdmsr
	movl	%eax, entry_state+40(%rip)
	movl	%edx, entry_state+44(%rip)

	subq	$16, %rsp
	sgdt	6(%rsp)
	movzwl	6(%rsp), %eax
	movl	%eax, entry_state+56(%rip)
	movq	8(%rsp), %rax
	movq	%rax, entry_state+48(%rip)
	addq	$16, %rsp
	movl	%cs, %eax
	movl	%eax, entry_state+60(%rip)
	movl	%ss, %eax
	movl	%eax, entry_state+64(%rip)
	movl	%ds, %eax
	movl	%eax, entry_state+68(%rip)

	movl	0(%rsp), %eax
	movl	%eax, entry_state+72(%rip)
	movl	4(%rsp), %eax
	movl	%eax, entry_state+76(%rip)
	movl	8(%rsp), %eax
	movl	%eax, entry_state+80(%rip)

	movq	$boot_stack_top, %rsp
	xorl	%ebp, %ebp
	call	kernel_main
1:	cli
	hlt
	jmp	1b
	.size	btext, . - btext

	.section .rodata
	.globl	machine_name
	.type	machine_name, @object
	.size	machine_name, 8
machine_name:
	.asciz	"amd64"
	.skip	2

	.bss
	.balign	16
	.skip	16384
boot_stack_top:

	.section .note.GNU-stack,"",@progbits
