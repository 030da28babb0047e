-- A start-up script shaped like FreeBSD's: settings from a file, a menu drawn in a frame, a countdown, then the boot.
local settings = {}
local order = {}

local function parse(text)
  for line in text:gmatch("[^\n]*") do
    local name, value = line:match('^%s*([%w_]+)%s*=%s*"?([^"#]*)"?')
    if name then
      if settings[name] == nil then order[#order + 1] = name end
      settings[name] = value
    end
  end
end

local lines = {}
for i = 1, 300 do
  lines[i] = ('module_%03d_load="NO"   # what it is for, in a few words'):format(i)
end
lines[#lines + 1] = 'autoboot_delay="3"\nkernel="kernel"\nhint_0="a b c"'
parse(table and table.concat and table.concat(lines, "\n") or (function()
  local all = ""
  for _, line in ipairs(lines) do all = all .. line .. "\n" end
  return all
end)())

for _, name in ipairs(order) do
  loader.setenv(name, settings[name])
end

local function at(x, y, text)
  printc(("\27[%d;%dH%s"):format(y, x, text))
end

local menu = {}
function menu.frame(x, y, w, h)
  for i = 0, h do
    at(x, y + i, (i == 0 or i == h) and "+" .. ("-"):rep(w) .. "+" or "|" .. (" "):rep(w) .. "|")
  end
end
menu.entries = {
  { key = "1", name = "Boot Multi User" },
  { key = "2", name = "Boot Single User" },
  { key = "3", name = "Escape to loader prompt" },
  { key = "4", name = function() return "Kernel: " .. loader.getenv("kernel") end },
}
function menu.draw()
  menu.frame(2, 3, 40, 12)
  for i, entry in ipairs(menu.entries) do
    local name = type(entry.name) == "function" and entry.name() or entry.name
    at(5, 4 + i, entry.key .. ". " .. name)
  end
end

menu.draw()
local ends = loader.time() + 3
local shown
while loader.time() < ends do
  local left = ends - loader.time()
  if left ~= shown then
    at(4, 14, ("Autoboot in %d seconds"):format(left))
    shown = left
  end
  if io.ischar() then break end
  loader.delay(50000)
end
loader.perform("load /boot/kernel/kernel")
loader.perform("load -t notes /boot/notes.txt")
loader.setenv("autoboot_delay", "NO")
loader.perform("boot")
