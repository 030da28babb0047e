// The style sheet of xterm.js, which scripts/bundle-page.mjs makes a text of.

declare module "@xterm/xterm/css/xterm.css" {
  export const css: string;
}
