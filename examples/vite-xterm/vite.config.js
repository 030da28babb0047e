// Keys need a page that is cross-origin isolated, except in Chromium; a site that serves dist/ sends the same headers.
const headers = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

export default { server: { headers }, preview: { headers } };
