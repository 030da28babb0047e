-- Modules are code that runs in the guest's kernel: only these are loaded.

local allowed = { ["/boot/kernel/ubdemo.ko"] = true }

function onFile(file)
  if file.purpose == "module" and not allowed[file.path] then return deny("module is not listed") end
end
