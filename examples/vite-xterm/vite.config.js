// Keys work in Chromium, and in other browsers where the page is cross-origin isolated; a site that serves dist/ sends the same
// headers.
const headers = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

export default { server: { headers }, preview: { headers } };
