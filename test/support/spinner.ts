// The loader's sign of progress on consoles.

/**
 * Console text without the spinner, which depends on how much is read at a time. With two consoles active each
 * of its characters comes twice.
 */
export function withoutSpinner(text: string): string {
  const once = text.replace(/[|/\-\\]\x08(?! \x08)/g, "");
  return once === text ? text : withoutSpinner(once);
}
