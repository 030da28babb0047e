-- What the loader offers to its scripts, for other implementations of Lua: enough to run FreeBSD's own scripts from
-- their start to the moment when they boot. FILES holds the guest's files by path; time stands still but for delays.
local environment = { boot_serial = "1", LINES = "24", ["smbios.bios.vendor"] = "BHYVE", ["script.lang"] = "lua" }
local now = 1572566400000000
local printed = 0

loader = {
  machine = "amd64",
  machine_arch = "amd64",
  getenv = function(name) return environment[name] end,
  setenv = function(name, value) environment[name] = tostring(value) return 0 end,
  unsetenv = function(name) environment[name] = nil return 0 end,
  time = function() return now // 1000000 end,
  delay = function(us) now = now + us end,
  command = function(name) if name == "boot" or name == "autoboot" then error("entered") end return 0 end,
  command_error = function() return "" end,
  printc = function(text) printed = printed + #text return 1 end,
}
loader.perform = function(line) return loader.command(line:match("%S+")) end
loader.interpret = loader.perform
loader.parse = function(line) return line end
printc = loader.printc
print = function(...) for i = 1, select("#", ...) do printed = printed + #tostring((select(i, ...))) end end

io = {
  open = function(path) return FILES[path] and { FILES[path] } end,
  read = function(file) return file[1], #file[1] end,
  close = function() return true end,
  ischar = function() now = now + 10000 return false end,
  getchar = function() return 13 end,
}
lfs = {
  dir = function()
    local names, i = { ".", "..", "kernel" }, 0
    return function() i = i + 1 return names[i] end
  end,
  attributes = function(path) return FILES[path .. "/kernel"] and "directory" or nil end,
}
errno = {}

package.searchers[2] = function(name)
  local text = FILES["/boot/lua/" .. name .. ".lua"]
  return text and load(text, "@" .. name .. ".lua") or "no module"
end

--- Runs the start-up script as a fresh loader does; returns how many bytes it printed.
function run()
  printed = 0
  for name in pairs(package.loaded) do
    if FILES["/boot/lua/" .. name .. ".lua"] then package.loaded[name] = nil end
  end
  environment = { boot_serial = "1", LINES = "24", ["smbios.bios.vendor"] = "BHYVE", ["script.lang"] = "lua" }
  local ok, message = pcall(load(FILES["/boot/lua/loader.lua"], "@loader.lua"))
  if not ok and not tostring(message):find("entered") then error(message, 0) end
  return printed
end
