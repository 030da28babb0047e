/*
 * 128 KiB of numbered words in the read-only segment: more than a UFS inode's
 * twelve direct blocks hold, so that the kernel's checksum notices a misplaced
 * or missing block.
 */
	.section .rodata
	.globl	ballast
	.type	ballast, @object
	.balign	16
ballast:
	.set	n, 0
	.rept	32768
	.long	n
	.set	n, n + 1
	.endr
	.size	ballast, . - ballast

	.section .note.GNU-stack,"",@progbits
