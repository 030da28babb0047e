// The public API that all platforms share; index.ts and browser.ts add what is theirs.

import "./disposal.js";

export type { Assets, FlavourModule, ModuleAsset, ModuleName, WorkerAsset } from "./assets.js";
export { boot, preload } from "./boot.js";
export { type Clock, RealClock, VirtualClock } from "./clock.js";
export { AutomationConsole } from "./console/automation.js";
export { BufferConsole, type Console, type ConsoleSize, type KeyInput, type OutputBuffer } from "./console/console.js";
export { type Keys, KeysConsole } from "./console/keys.js";
export { BytesDisk } from "./disks/bytes.js";
export type { Compression } from "./disks/compression.js";
export type { Disk } from "./disks/disk.js";
export type { HttpDisk, HttpDiskOptions } from "./disks/http.js";
export { httpDisk } from "./disks/remote.js";
export type { DiskImage, DiskSource, ImageFormat, ImageSource, OpenFileDisk, ReadyImage } from "./disks/source.js";
export {
  AbortedError,
  AssetError,
  ConsoleError,
  DiskError,
  type ErrorDetails,
  FileError,
  HandoffError,
  HostTreeError,
  InputEndedError,
  InternalError,
  InterpreterError,
  IsolationError,
  LimitError,
  MemoryError,
  OptionError,
  type PlainError,
  PolicyError,
  PolicyFileError,
  PoolError,
  RegisterError,
  ReleasedError,
  UserbootError,
} from "./errors.js";
export type { Entered, EntryPoint } from "./handoff/machine.js";
export { type MapProfile, memoryMap } from "./handoff/maps.js";
export type { BootData, LoadedModule, MetadataRecord } from "./handoff/metadata.js";
export { type PackFormat, pack } from "./handoff/pack.js";
export type {
  Amd64Registers,
  Call,
  CommonRegisters,
  EntryRegisters,
  I386Registers,
  SegmentDescriptor,
  SegmentTable,
} from "./handoff/registers.js";
export { attach, type V86Like, type V86Options, v86Options } from "./handoff/v86.js";
export type {
  DatasetInfo,
  DiskInfo,
  EntryInfo,
  Fact,
  FileInfo,
  FstabEntry,
  KernelInfo,
  PartitionInfo,
  PoolInfo,
  Setting,
  SystemInfo,
  VdevInfo,
  VolumeInfo,
} from "./inspect/facts.js";
export { inspect } from "./inspect/inspect.js";
export type {
  FilePart,
  FindOptions,
  FoundEntry,
  ImagePath,
  Inspection,
  ListOptions,
  OpenOptions,
  PartTaker,
} from "./inspect/inspection.js";
export { INSPECT_LIMITS, type InspectLimits } from "./inspect/limits.js";
export type { InspectOptions } from "./inspect/options.js";
export type { MaybePromise } from "./maybe.js";
export { checkReleased } from "./memory/pool.js";
export type { Flavour } from "./modules.js";
export {
  type BootOptions,
  type Confine,
  DEFAULT_LIMITS,
  type Isolation,
  type Limits,
  type MapEntry,
  type MemorySize,
  type PreloadOptions,
  type Progress,
} from "./options.js";
export type { Overlay, OverlayLayer, OverlayLimits, OverlayMap, OverlayUse } from "./overlay.js";
export type {
  BootHooks,
  ConsoleRule,
  Denial,
  FileFacts,
  FilePurpose,
  KernelFacts,
  MachineFacts,
  MenuRule,
} from "./policy/hooks.js";
export type { LookedAt } from "./problem.js";
export type { Generation, ProfileFacts, ProfileMark } from "./profile.js";
export type {
  BootResult,
  EnteredAmd64,
  EnteredI386,
  InterpreterCheck,
  IsolationFacts,
  KernelEntered,
  LoaderExit,
  Measurements,
  NothingEntered,
  PhaseTimes,
  ResultData,
  ResultHandle,
  ResultMemory,
  SessionError,
  SessionFacts,
  SwapRequest,
  WrittenRange,
} from "./result.js";
export { printable } from "./text.js";
export { TREE_LIMITS, type TreeLimits } from "./wasi/limits.js";
export type { HostTree, TreeMap } from "./wasi/tree.js";
