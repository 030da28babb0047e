// Style sheets for xterm.js in a shadow root. It writes its sheets into <style> elements, which a strict
// Content-Security-Policy doesn't let act; in the bundle (scripts/bundle-page.mjs) it gets these in their place, whose text
// becomes a sheet that is constructed. A policy has no say in those: they are the script's own.

/** An element whose text is a style sheet of the shadow root that it is in, from when the text is set until `remove`. */
export function sheetElement(): HTMLElement {
  const element = document.createElement("span");
  element.hidden = true;
  const sheet = new CSSStyleSheet();
  let root: ShadowRoot | undefined;
  const leave = () => {
    if (root) root.adoptedStyleSheets = root.adoptedStyleSheets.filter((other) => other !== sheet);
    root = undefined;
  };
  Object.defineProperties(element, {
    textContent: {
      set(text: string) {
        sheet.replaceSync(text);
        const place = element.getRootNode();
        if (root !== undefined || !(place instanceof ShadowRoot)) return;
        root = place;
        root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
      },
    },
    remove: {
      value() {
        leave();
        Element.prototype.remove.call(element);
      },
    },
  });
  return element;
}
