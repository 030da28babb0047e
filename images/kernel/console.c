/* Polled 16550 on COM1; numbers are printed in hex so that no 64-bit division is needed on i386. */
#include "console.h"

#define COM1 0x3f8
#define LINE_CONTROL (COM1 + 3)
#define LINE_STATUS (COM1 + 5)
#define TRANSMITTER_EMPTY 0x20
#define PATIENCE 100000 /* a machine without a COM1 must not hang us */

void
console_init(void)
{
	out8(COM1 + 1, 0);          /* no interrupts */
	out8(LINE_CONTROL, 0x80);   /* divisor latch */
	out8(COM1, 1);              /* 115200 baud */
	out8(COM1 + 1, 0);
	out8(LINE_CONTROL, 0x03);   /* 8 data bits, no parity, 1 stop bit */
	out8(COM1 + 2, 0x07);       /* FIFOs on and empty */
	out8(COM1 + 4, 0x03);       /* DTR, RTS */
}

static void
put_raw(char c)
{
	for (int i = 0; i < PATIENCE; i++)
		if (in8(LINE_STATUS) & TRANSMITTER_EMPTY)
			break;
	out8(COM1, (u8)c);
}

void
put_char(char c)
{
	if (c == '\n')
		put_raw('\r');
	put_raw(c);
}

void
put(const char *text)
{
	while (*text != '\0')
		put_char(*text++);
}

static void
put_digits(u64 value, int digits)
{
	while (digits > 0)
		put_char("0123456789abcdef"[(value >> (--digits * 4)) & 15]);
}

void
put_hex(u64 value)
{
	int digits = 1;

	while (digits < 16 && (value >> (digits * 4)) != 0)
		digits++;
	put("0x");
	put_digits(value, digits);
}

void
put_crc(u32 value)
{
	put_digits(value, 8);
}

void
put_decimal(u32 value)
{
	char text[11];
	int i = 10;

	text[i] = '\0';
	do {
		text[--i] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	put(text + i);
}
