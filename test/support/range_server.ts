// A web server of one disk image that counts what it sends, and that can be made to lie.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Disk } from "userboot-wasm";

/** What an answer is made of; a test changes it. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Uint8Array;
}

export class RangeServer {
  etag: string | undefined = '"one"';
  /** Without, it sends all it has. */
  ranges = true;
  /** Changes an answer before it is sent. */
  change: (answer: Answer, request: IncomingMessage) => void = () => {};
  /** Told of each request, by its number, before it is answered. */
  onRequest: (number: number) => void = () => {};
  /** Requests so far, and bytes of their bodies. */
  requests: { range: string; ifRange: string | undefined; token: string | undefined }[] = [];
  sent = 0;
  /** What answers requests, also as a part of another server. */
  listener = (request: IncomingMessage, response: ServerResponse): void => this.#answer(request, response);
  #server: Server | undefined;

  constructor(readonly disk: Disk) {}

  /** Starts it; its URL. */
  async start(): Promise<string> {
    const server = createServer((request, response) => this.listener(request, response));
    this.#server = server;
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/images/guest.img?token=secret`;
  }

  close(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { range = "", "if-range": ifRange, authorization } = request.headers;
    this.requests.push({ range, ifRange: ifRange as string | undefined, token: authorization });
    this.onRequest(this.requests.length);
    const answer = this.#usual(range, ifRange as string | undefined);
    this.change(answer, request);
    this.sent += answer.body.length;
    response.on("error", () => {});
    response.writeHead(answer.status, answer.headers);
    response.end(answer.body);
  }

  #usual(range: string, ifRange: string | undefined): Answer {
    const { size } = this.disk;
    const headers: Record<string, string> = this.etag === undefined ? {} : { etag: this.etag };
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range) ?? [];
    const isSame = ifRange === undefined || ifRange === this.etag;
    // Of the whole only a beginning: nobody should read it.
    if (!this.ranges || from === undefined || !isSame) return { status: 200, headers, body: new Uint8Array(1000) };
    const start = Number(from);
    if (start >= size)
      return { status: 416, headers: { ...headers, "content-range": `bytes */${size}` }, body: new Uint8Array() };
    const end = Math.min(Number(to) + 1, size);
    const body = new Uint8Array(end - start);
    this.disk.read(start, body);
    return { status: 206, headers: { ...headers, "content-range": `bytes ${start}-${end - 1}/${size}` }, body };
  }
}
