// How long tasks of a page's main thread are, in time of the processor: a machine that is busy with other things makes none longer.

import type { CDPSession, Page } from "playwright-core";

interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  /** Microseconds that the thread ran. */
  tdur?: number;
}

/** By this, which the page says itself, its thread is known among those of the browser's own pages. */
const MARK = "userboot: this is the page";

/** What takes longer on a page's main thread is felt: ms. */
export const TASK_MAX = 50;

/** What the best of three goes gives; no more are made than are wanted. Processors that are busy with other things are slower. */
export async function bestOf(go: () => Promise<number>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let goes = 0; goes < 3 && best >= TASK_MAX; goes++) best = Math.min(best, await go());
  return best;
}

/** Watches one page. */
export class MainThread {
  readonly #events: TraceEvent[] = [];

  private constructor(
    private readonly page: Page,
    private readonly session: CDPSession,
  ) {
    session.on("Tracing.dataCollected", ({ value }) => this.#events.push(...(value as unknown as TraceEvent[])));
  }

  /** Begins. */
  static async watch(page: Page): Promise<MainThread> {
    const browser = page.context().browser();
    if (browser === null) throw new Error("a page without a browser");
    const watched = new MainThread(page, await browser.newBrowserCDPSession());
    const includedCategories = ["disabled-by-default-devtools.timeline", "toplevel", "blink.user_timing"];
    await watched.session.send("Tracing.start", { traceConfig: { includedCategories }, transferMode: "ReportEvents" });
    return watched;
  }

  /** Ends, and gives the longest task, in ms. */
  async longest(): Promise<number> {
    await this.page.evaluate((mark) => performance.mark(mark).name, MARK);
    const done = new Promise((resolve) => this.session.once("Tracing.tracingComplete", resolve));
    await this.session.send("Tracing.end");
    await done;
    await this.session.detach();
    const page = this.#events.find(({ name }) => name === MARK);
    const tasks = this.#events.filter(
      ({ name, pid, tdur, tid }) => name === "RunTask" && tdur !== undefined && pid === page?.pid && tid === page.tid,
    );
    if (tasks.length === 0) throw new Error("no task was seen");
    return Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1000;
  }
}
