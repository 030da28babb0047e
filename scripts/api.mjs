// Writes the reports on what the package exports, a file for each entry point with types of its own (api/*.api.md): every
// name, its type, and whether it is documented. They are committed, and a test fails when they aren't what the sources say:
// what callers lean on changes on purpose only. Needs the compiled host.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Extractor, ExtractorConfig } from "@microsoft/api-extractor";
import { root } from "./core.mjs";

/**
 * The entry points, by the names of their reports: Node's, what pages have in another form (the rest of theirs is the same, a test
 * looks), those of policies and set-ups, and the elements.
 */
const ENTRIES = {
  userboot: "index",
  pages: "disks/file_disk",
  policy: "policy/index",
  machine: "machine_file/index",
  console: "element/index",
  editor: "editor/index",
};
/** Where nothing is said of the types that are the main entry point's. */
const BORROWS = ["pages", "policy", "machine", "console", "editor"];

const logged = (logLevel, addToApiReportFile) => ({ logLevel, addToApiReportFile });

/**
 * Writes all reports to `folder`. Says what in the declarations the extractor doesn't understand: names that are used and not
 * exported, comments that are no TSDoc.
 */
export function writeReports(folder) {
  mkdirSync(folder, { recursive: true });
  const complaints = [];
  for (const [name, entry] of Object.entries(ENTRIES)) {
    const config = ExtractorConfig.prepare({
      configObjectFullPath: undefined,
      packageJsonFullPath: join(root, "package.json"),
      configObject: {
        projectFolder: root,
        mainEntryPointFilePath: join(root, "build", "host", `${entry}.d.ts`),
        compiler: { tsconfigFilePath: join(root, "tsconfig.json"), skipLibCheck: true },
        apiReport: {
          enabled: true,
          reportFileName: `${name}.api.md`,
          reportFolder: folder,
          reportTempFolder: join(root, "build", "api"),
        },
        docModel: { enabled: false },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        newlineKind: "lf",
        messages: {
          compilerMessageReporting: { default: logged("error", false) },
          extractorMessageReporting: {
            default: logged("warning", false),
            // There is one kind of exports here.
            "ae-missing-release-tag": logged("none", false),
            ...(BORROWS.includes(name) && { "ae-forgotten-export": logged("none", false) }),
            // The reports say so by themselves, name by name, and without the numbers of lines.
            "ae-undocumented": logged("none", false),
          },
          tsdocMessageReporting: { default: logged("warning", false) },
        },
      },
    });
    Extractor.invoke(config, {
      localBuild: true,
      messageCallback(message) {
        message.handled = true;
        // What it says itself is about the files that it writes.
        if (message.category !== "console" && ["warning", "error"].includes(message.logLevel))
          complaints.push(`${message.sourceFilePath ?? ""}:${message.sourceFileLine ?? ""} ${message.text}`);
      },
    });
  }
  return complaints;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const complaints = writeReports(join(root, "api"));
  for (const complaint of complaints) console.error(complaint);
  process.exitCode = complaints.length > 0 ? 1 : 0;
}
