// Targets with an operator who has a say (host/policy/): files are examined, replaced and refused, variables changed, a kernel's
// arguments replaced.

import type { BootHooks } from "userboot-wasm";
import { loadNodeHasher } from "../../build/host/node_hash.js";
import { DirectAsker } from "../../build/host/policy/asker.js";
import { PolicyBudget } from "../../build/host/policy/budget.js";
import { type Policy, permitEntry, policyImports } from "../../build/host/policy/imports.js";
import { FileVault } from "../../build/host/policy/vault.js";
import { linkedFile } from "../../test/support/elf_image.js";
import { ufsDisk } from "../../test/support/ufs_image.js";
import { booting, typedText } from "../booting.js";
import type { Target } from "../target.js";

const makeHasher = await loadNodeHasher();

const HOOKS: BootHooks = {
  onSetenv: (name, value) =>
    name === "denied" ? { deny: "not that" } : name === "changed" ? { value: `${value} and more` } : undefined,
  onFile: ({ path }) =>
    path.includes("refused")
      ? { deny: "not this" }
      : path.includes("replaced")
        ? { replace: Buffer.from("another content\n") }
        : undefined,
  onKernel: ({ args }) => ({ args: `${args} -s` }),
};

/** The policy of one session. */
function policyOf(limits: ConstructorParameters<typeof PolicyBudget>[0]): Policy {
  const asker = new DirectAsker(HOOKS);
  const budget = new PolicyBudget(limits);
  const parts = { asker, budget, vault: new FileVault(asker, budget, makeHasher) };
  return {
    imports: (...session) => policyImports(parts, ...session),
    permitEntry: (cpu, guest) => permitEntry(asker, cpu, guest),
  };
}

const COMMANDS = `set changed=a
show changed
set plain=b
unset plain
more /boot/replaced
more /boot/loader.conf
ls -l /boot
ls /boot/loader.conf
include /boot/replaced
load /boot/kernel/kernel
load -t raw /boot/replaced
load -t raw /boot/loader.conf
load -t raw /none
readtest /boot/loader.conf
lsmod
boot -v
`;

export const policyTargets: readonly Target[] = [
  {
    name: "policies",
    module: "simp",
    bases: {
      usual: () => ({
        disks: [
          ufsDisk({
            "/boot/kernel/kernel": linkedFile({
              bits: 64,
              segments: [{ size: 3000 }],
              versions: [{ name: "kernel", version: 1201000 }],
            }).bytes,
            "/boot/loader.conf": 'a="b"\n',
            "/boot/replaced": "what it was\n",
            "/boot/refused": "never seen\n",
          }),
        ],
        text: COMMANDS,
      }),
    },
    words: ["set denied=", "set changed=", "/boot/refused", "/boot/replaced", "more ", "load -t raw ", "\n"],
    session: (disks, text) =>
      booting(disks, {
        flavour: "simp",
        profile: 14,
        keys: [typedText(text)],
        hooks: { hooks: HOOKS, policyOf },
      }),
  },
];
