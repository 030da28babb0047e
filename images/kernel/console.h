/* Text on COM1. */
#ifndef CONSOLE_H
#define CONSOLE_H

#include "abi.h"

void console_init(void);
void put_char(char c);
void put(const char *text);
void put_hex(u64 value);     /* 0x1f */
void put_decimal(u32 value);
void put_crc(u32 value);     /* eight digits, no prefix */

static inline void
out8(u16 port, u8 value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline u8
in8(u16 port)
{
	u8 value;
	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return (value);
}

static inline void
out16(u16 port, u16 value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

#endif
