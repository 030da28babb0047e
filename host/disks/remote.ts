// Disks of web servers; what it takes is loaded when one is opened.

import type { HttpDisk, HttpDiskOptions } from "./http.js";

/**
 * A raw image, or one of another format, on a web server that serves ranges: it is read as the guest asks for it.
 *
 * Servers of other origins than a page's have to allow it (CORS), and to expose `Content-Range` and `ETag`.
 * @throws OptionError for a wrong option; DiskError when the file can't be had by ranges; AbortedError
 */
export async function httpDisk(url: string | URL, options: HttpDiskOptions = {}): Promise<HttpDisk> {
  const { openHttpDisk } = await import("./http.js");
  return openHttpDisk(url, options);
}
