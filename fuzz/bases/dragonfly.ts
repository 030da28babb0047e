// Scripts of DragonFly's loader, which the simple interpreter runs when there is a dloader.rc.

import { linkedFile, objectFile } from "../../test/support/elf_image.js";
import { ufsDisk } from "../../test/support/ufs_image.js";
import { booting, typedText } from "../booting.js";
import type { Target } from "../target.js";

const kernel = linkedFile({
  bits: 64,
  segments: [{ size: 3000 }],
  versions: [{ name: "kernel", version: 1201000 }],
}).bytes;
const module = objectFile({ versions: [{ name: "some", version: 1 }] });

const SCRIPTS = {
  typed: `a=b c.d=e name= boot_verbose=YES
set wish=YES
x_y=1
local
local x b
lunsetif x_y wish
lunsetif x_y none
lunsetif one
lunset x* a
lunset x_y
ifexists kernel/kernel
 ifset wish
  echo both # a comment
 else
  echo not
 endif
elseifexists /none
 echo other
else
 echo neither
endif
ifexists /none
elseifexists kernel
 echo second
elseifexists
endif
ifset
else
endif
elseifexists
cd kernel
pwd
cd ..
cd /none
cd a b
cd
optcd /none
optcd ./kernel/../kernel
pwd
optinclude more.rc none.rc
include more.rc
unset nothing
unset wish
load -t raw picture
load
loadall
echo "a # b" 'c # d' \\# # e
menu
menuadd x
menuitem
menuitem x "Empty"
menuitem r "Again"
menuadd
menuadd echo chosen
menuadd menu
menuother
gone_load=YES
gone_type=raw
set module_path="/boot;modules"
kernelname=none
loadall
set kernelname=kernel
set kernel_options="-v"
cd /boot/kernel
loadall
menu
r
x
`,
  menu: `set module_path=";modules;/boot/kernel/"
inside_load="YES"
inside_type="elf obj module"
deep_load="YES"
deep_name="modules/deep.ko"
gone_load="YES"
autoboot_delay="2"
kernel_options="-v"
menuclear
menuitem 1 "Boot \${bootfile}"   # the first
menuadd cd \${base}kernel
menuadd loadall
menuadd boot
menuitem b "Backup"
menuadd cd /boot/kernel.bak
menuadd inside_load="NO"
menuadd loadall
menuitem x "Broken, with a caption that is longer than forty characters are"
menuadd nosuch
menuadd menu
menuitem b "Again"
menuadd cd kernel
menuadd loadall
menuitem R "Reboot"
menuadd reboot
menu
`,
};

const WORDS = (
  "ifexists ifset else elseifexists endif local lunset lunsetif cd optcd pwd optinclude include load loadall menu " +
  "menuclear menuitem menuadd set unset kernelname= kernel_options= autoboot_delay= _load=YES _name= _type= base # \" ' \\ $ { } = * .. / -t"
).split(" ");

export const dragonflyTargets: readonly Target[] = [
  {
    name: "dragonfly",
    module: "simp",
    bases: Object.fromEntries(
      Object.entries(SCRIPTS).map(([name, text]) => [
        name,
        () => ({
          disks: [
            ufsDisk({
              "/boot/kernel/kernel": kernel,
              "/boot/kernel/inside.ko": module,
              "/boot/kernel/modules/deep.ko": module,
              "/boot/kernel.bak/kernel": kernel,
              "/boot/picture": "picture",
              "/boot/more.rc": "ifset autoboot_delay\necho more\nendif\n",
            }),
          ],
          text,
        }),
      ]),
    ),
    words: WORDS,
    session: (disks, text, { base }) => {
      const script = Buffer.from(text ?? []);
      // Typed: what fails ends a script.
      const typed = base === "typed";
      return booting(disks, {
        flavour: "simp",
        overlay: { "/boot/dloader.rc": typed ? Buffer.from("set autoboot_delay=NO\n") : script },
        keys: typed ? [typedText(text)] : ["?", "x", "b", "\r", "cd kernel\rpwd\rmenu\r", "b", "local\rboot\r"],
      });
    },
  },
];
