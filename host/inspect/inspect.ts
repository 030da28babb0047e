// `inspect`, whose program is loaded when somebody inspects.

import type { Inspection } from "./inspection.js";
import type { InspectOptions } from "./options.js";

/**
 * Looks into images without booting from them. They are open until the inspection is closed.
 * @throws UserbootError for what the caller did wrong, an image that can't be used, or a limit
 */
export async function inspect(options: InspectOptions): Promise<Inspection> {
  const { openInspection } = await import("./open.js");
  return openInspection(options);
}
