// npm run web: builds the editor's page, web/, into build/web/. The core and the host come first (`npm run build`).
import { fileURLToPath } from "node:url";
import { build } from "vite";

await build({ configFile: fileURLToPath(new URL("../web/vite.config.js", import.meta.url)), logLevel: "warn" });
