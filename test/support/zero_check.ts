// Before every test file: memory that is given back is compared with zero, byte for byte.

import { checkReleased } from "../../build/host/memory/pool.js";

checkReleased(true);
