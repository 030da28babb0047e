// What would be booted from a device, and how it is configured, each thing with the file that it is from.

import { hintsVersion, ISADIR, isIllumos, USERLAND_PATH, userlandVersion } from "../boot/detection";
import { dragonflyScript, LOADER_PATH, markOffset, wantedInterpreter } from "../boot/interpreter_check";
import { getenv, setenv } from "../environment/variables";
import { fileSystemOn } from "../fs/file_systems";
import { ENOENT, errno } from "../lib/errno";
import { replaceMarks } from "../lib/text";
import * as answer from "./answer";
import {
  beginConfiguration,
  loaderSettings,
  problems,
  rcSettings,
  Setting,
  settingOf,
  tellFstab,
  tellSettings,
} from "./configuration";
import { chosenVersion, tellKernels } from "./kernels";
import { placeOf } from "./paths";

/** Answers what is on `device`, a name with its colon. Returns 0, or minus an errno. */
export function tellSystem(device: string): i32 {
  const place = placeOf(device);
  // A device without its colon is the name of a file.
  if (place !== null && place.path != "/") return -ENOENT;
  if (place === null || fileSystemOn(place.device) === null) return -errno;
  const name = place.device.name();
  const before = getenv("currdev");
  // All files are looked for where a loader would that was booted from there.
  setenv("currdev", name);
  answer.open("{");
  answer.textOf("device", name);
  tellAll(name);
  answer.close("}");
  if (before !== null) setenv("currdev", before);
  return 0;
}

function tellFact(name: string, value: string, file: string): void {
  answer.key(name);
  answer.open("{");
  answer.textOf("value", value);
  answer.textOf("file", file);
  answer.close("}");
}

function tellSetting(name: string, setting: Setting | null): void {
  if (setting !== null) tellFact(name, setting.value, setting.file);
}

function tellAll(device: string): void {
  beginConfiguration();
  tellInterpreter();
  const loader = loaderSettings();
  tellSettings("loaderConf", loader);
  const kernel = kernelBy(loader);
  tellFact("kernel", kernel.value, kernel.file);
  tellKernels(kernel.value);
  tellRelease(kernel.value);
  const rc = rcSettings();
  tellSettings("rcConf", rc);
  tellSetting("hostname", settingOf(rc, "hostname"));
  const inFstab = tellFstab();
  const said = settingOf(loader, "vfs.root.mountfrom");
  if (said !== null) tellSetting("root", said);
  else if (inFstab !== null) tellSetting("root", inFstab);
  else if (device.startsWith("zfs:")) tellFact("root", device.substring(0, device.length - 1), "");
  answer.textsOf("problems", problems);
}

/** What the kernel's version begins with, before the release. */
const NAME = "FreeBSD ";

/** Which release it is: of the userland, else of the kernel; and the number of the kernel's interfaces. */
function tellRelease(kernel: string): void {
  const release = userlandVersion();
  if (release.length > 0) tellFact("release", release, USERLAND_PATH);
  else if (chosenVersion.startsWith(NAME)) {
    const end = chosenVersion.indexOf(" ", NAME.length);
    tellFact("release", chosenVersion.substring(NAME.length, end < 0 ? chosenVersion.length : end), kernel);
  }
  const hints = `${kernel.substring(0, max(kernel.lastIndexOf("/"), 0))}/linker.hints`;
  const osreldate = hintsVersion(hints);
  if (osreldate == 0) return;
  answer.key("osreldate");
  answer.open("{");
  answer.numberOf("value", osreldate);
  answer.textOf("file", hints);
  answer.close("}");
}

function tellInterpreter(): void {
  const wanted = wantedInterpreter();
  if (wanted === null) return;
  answer.key("interpreter");
  answer.open("{");
  answer.textOf("value", wanted);
  const script = markOffset() < 0 ? dragonflyScript() : "";
  answer.textOf("file", script.length > 0 ? script : LOADER_PATH);
  if (markOffset() >= 0) answer.numberOf("offset", <u64>markOffset());
  answer.close("}");
}

/** Characters of a kernel's path. */
const PATH_MAX: i64 = 1024;

/** The path of the kernel that the loader's scripts load, and the file that chose it. */
function kernelBy(settings: Setting[]): Setting {
  const chosen = settingOf(settings, "kernel");
  const directory = chosen === null || chosen.value.length == 0 ? "kernel" : chosen.value;
  const bootfile = settingOf(settings, "bootfile");
  let file = bootfile === null ? "kernel" : bootfile.value;
  // Names of files to try, the first one first.
  const semicolon = file.indexOf(";");
  if (semicolon >= 0) file = file.substring(0, semicolon);
  const above = isIllumos() ? "/platform" : "/boot";
  if (!file.startsWith("/")) file = `${directory.startsWith("/") ? directory : `${above}/${directory}`}/${file}`;
  const path = replaceMarks(file, "${ISADIR}", ISADIR, PATH_MAX);
  return new Setting("kernel", path === null ? file : path, chosen === null ? "" : chosen.file, 0);
}
