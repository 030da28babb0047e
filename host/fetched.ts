// What is fetched of this package's assets: a page's all, on Node what a caller keeps on a server.

import { AssetError } from "./errors.js";
import { compileBytes } from "./modules.js";

/**
 * A module of a server, compiled while it arrives where that can be.
 * @throws AssetError with the status when there is none
 */
export async function fetchModule(place: URL): Promise<WebAssembly.Module> {
  const { href } = place;
  const response = await fetchAsset(href);
  const { status } = response;
  const type = response.headers.get("content-type") ?? "";
  if (isPage(type)) throw new AssetError(href, `the server gives ${type} in its place`, status);
  // Servers that don't know the type of such files have them compiled a little later.
  if (type !== "application/wasm") return compileBytes(await body(response, href), href, status);
  try {
    return await WebAssembly.compileStreaming(response);
  } catch (error) {
    throw new AssetError(href, `is no WebAssembly module (${(error as Error).message})`, status);
  }
}

/** Whether what a server gives is a page: some do for all that they don't have. */
export function isPage(type: string): boolean {
  return type.startsWith("text/html");
}

async function body(response: Response, href: string): Promise<ArrayBuffer> {
  try {
    return await response.arrayBuffer();
  } catch (error) {
    throw new AssetError(href, `can't be read to its end (${(error as Error).message})`, response.status);
  }
}

/**
 * The answer for an asset.
 * @throws AssetError when it isn't the asset
 */
export async function fetchAsset(href: string, method: "GET" | "HEAD" = "GET"): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(href, { method });
  } catch (error) {
    const why = "there is no such server, or a Content-Security-Policy (connect-src) or CORS forbids it";
    throw new AssetError(href, `can't be fetched: ${why} (${(error as Error).message})`);
  }
  if (!response.ok) {
    throw new AssetError(href, `the server answers ${response.status}${hint(response.status)}`, response.status);
  }
  return response;
}

function hint(status: number): string {
  return status === 404 ? '; serve this package\'s files there, or say where they are by the option "assets"' : "";
}
