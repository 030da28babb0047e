// What firmware has done before a kernel begins, where there is none, as in an emulator without a BIOS; stub.ts does it. Mode 3 of
// IBM's VGA, 80 columns of text in 16 colours: kernels that only write text go on with it, and without it nothing of their screen is
// seen. And the keyboard's command to tell of keys.

const DAC_COLOURS = 64;
/** Brightness of a colour's two bits, in the DAC's six. */
const STRONG = 42;
const WEAK = 21;
/** Which of the DAC's colours text has: brown is the one that isn't regular. */
const TEXT_COLOURS = [0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f];
/** Timing, the cursor and where the screen begins: registers of the CRTC from 0 on. A function, so that pages without a use for it don't have it. */
const crtc = () => [
  ...[0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0x00, 0x00, 0x00, 0x00],
  ...[0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff],
];
/** A register of the CRTC that locks others; unlocked. */
const UNLOCKED = [0x11, 0x0e];
/** Characters and attributes in two planes, at 0xb8000. */
const SEQUENCER = [0x03, 0x00, 0x03, 0x00, 0x02];
const GRAPHICS = [0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0e, 0x00, 0xff];
/** Text that blinks, border, planes, shift by a pixel, high bits of colours: registers of the attribute controller after colours. */
const ATTRIBUTES = [0x0c, 0x00, 0x0f, 0x08, 0x00];
/** Lets the screen have the attribute controller's colours. */
const SHOW = 0x20;

/** What goes to one port. */
export interface Written {
  port: number;
  /** A register's number and its value each time. */
  pairs?: true;
  bytes: readonly number[];
}

const numbered = (values: readonly number[]) => values.flatMap((value, register) => [register, value]);

/** All of it, in order. The attribute controller's port is told by a read of ATTRIBUTE_RESET that a number comes next. */
export const vgaTextMode = (): readonly Written[] => [
  { port: 0x3c2, bytes: [0x67] },
  { port: 0x3c4, pairs: true, bytes: numbered(SEQUENCER) },
  { port: 0x3d4, pairs: true, bytes: [...UNLOCKED, ...numbered(crtc())] },
  { port: 0x3ce, pairs: true, bytes: numbered(GRAPHICS) },
  { port: 0x3c8, bytes: [0] },
  { port: 0x3c9, bytes: Array.from({ length: DAC_COLOURS * 3 }, (_, at) => brightness(Math.floor(at / 3), at % 3)) },
  { port: 0x3c0, bytes: [...numbered([...TEXT_COLOURS, ...ATTRIBUTES]), SHOW] },
];
/** See there. */
export const ATTRIBUTE_RESET = 0x3da;

/** The keyboard's port, and the command after which it tells of keys. */
export const KEYBOARD = { port: 0x60, tell: 0xf4 } as const;

/** How much red (0), green or blue the DAC's `colour` has: a strong bit and a weak one. */
function brightness(colour: number, part: number): number {
  const bit = 2 - part;
  return ((colour >> bit) & 1) * STRONG + ((colour >> (bit + 3)) & 1) * WEAK;
}
