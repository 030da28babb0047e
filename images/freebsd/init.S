/*
 * The first and only process of the guest, in place of FreeBSD's init: says on the console which kernel it runs under, and
 * says again what is typed. System calls of i386: number in EAX, arguments above a word that isn't looked at, carry is failure.
 */
	.set	SYS_read, 3
	.set	SYS_write, 4
	.set	SYS_open, 5
	.set	SYS_reboot, 55
	.set	SYS_sysctl, 202
	.set	O_RDWR, 2
	.set	RB_HALT, 8

	.macro	ask number, arguments:vararg
	.irp	argument, \arguments
	pushl	\argument
	.endr
	pushl	$0
	movl	$\number, %eax
	int	$0x80
	.endm

	.globl	_start
_start:
	ask	SYS_open, $0, $O_RDWR, $console
	jc	halt
	movl	%eax, %ebx
	ask	SYS_write, $(hello_end - hello), $hello, %ebx
	jc	halt
	ask	SYS_sysctl, $0, $0, $size, $text, $2, $version
	jc	halt
	ask	SYS_write, size, $text, %ebx
	jc	halt
again:
	movl	$stack, %esp
	ask	SYS_write, $(prompt_end - prompt), $prompt, %ebx
	jc	halt
	ask	SYS_read, $(text_end - text), $text, %ebx
	jc	halt
	testl	%eax, %eax
	jz	halt
	movl	%eax, size
	ask	SYS_write, $(said_end - said), $said, %ebx
	jc	halt
	ask	SYS_write, size, $text, %ebx
	jc	halt
	jmp	again
halt:
	ask	SYS_reboot, $RB_HALT
	jmp	halt

	.data
console:
	.asciz	"/dev/console"
hello:
	.ascii	"userboot-wasm guest: user land of "
hello_end:
prompt:
	.ascii	"type> "
prompt_end:
said:
	.ascii	"typed: "
said_end:
	.balign	4
version:
	.long	1, 4			/* CTL_KERN, KERN_VERSION */
size:
	.long	text_end - text
	.bss
text:
	.skip	1024
text_end:
	.balign	4
	.skip	4096
stack:
