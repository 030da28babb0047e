// Entry point `userboot-wasm/machine`: the set-up of a boot as one small JSON file. Pages that only boot load none of it.

export {
  formatMachine,
  type Machine,
  type MachineContent,
  type MachineDisk,
  type MachineImage,
  parseMachine,
} from "./machine.js";
export { ROOT_MACHINES, type RootAdvice, type RootFacts, type RootMachine, rootFor } from "./root_for.js";
export { type MachineOptions, machineContent, machineOptions } from "./use.js";
