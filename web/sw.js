// The page's service worker: keeps all files of one build, so that the page works without a network. Nothing else goes through
// it: images on servers are fetched by ranges, and are the page's business.
//
// That of a new build waits, as browsers have it, until all pages of the one before are closed (no skipWaiting): they load parts of
// theirs when they are wanted, which no server may have any more. Only then is the old store deleted.

const STORE = "userboot-__VERSION__";
const FILES = __FILES__;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(STORE)
      // What the browser has kept of an earlier build under the same names isn't of this one.
      .then((store) => store.addAll(FILES.map((name) => new Request(name, { cache: "reload" })))),
  );
});

self.addEventListener("activate", (event) => {
  const old = caches
    .keys()
    .then((names) =>
      Promise.all(
        names.filter((name) => name !== STORE && name.startsWith("userboot-")).map((name) => caches.delete(name)),
      ),
    );
  // The page that was open before there was any.
  event.waitUntil(old.then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  const scope = new URL(self.registration.scope);
  if (event.request.method !== "GET" || url.origin !== scope.origin || event.request.headers.has("range")) return;
  const path = url.pathname.slice(scope.pathname.length);
  const name = path === "index.html" ? "./" : `./${path}`;
  if (!FILES.includes(name)) return;
  event.respondWith(
    caches.match(new URL(name, scope), { cacheName: STORE }).then((kept) => kept ?? fetch(event.request)),
  );
});
