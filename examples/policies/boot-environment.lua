-- Starts a ZFS guest from another boot environment: stops the countdown and types what an administrator would.
-- The dataset is granted:  userboot boot --policy boot-environment.lua --grant dataset=FILE ...

local dataset = read("dataset"):match("^%s*(%S+)")

expect("any other key for command prompt.", " ")
expect("OK ", "unload\r")
expect("OK ", "set currdev=zfs:" .. dataset .. ":\r")
expect("OK ", "boot\r")

function onExec(machine)
  local root = machine.environment["vfs.root.mountfrom"]
  if root ~= "zfs:" .. dataset then return deny("root is " .. tostring(root)) end
end
