// What the program does first of all, before the rest of it is even set up.

import { startAhead } from "./ahead.js";

startAhead(process.argv.slice(2));
