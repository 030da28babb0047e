-- Every guest of this host talks on the serial port and gets the UUID that the host knows it by, whatever its
-- own loader.conf says. The UUID is granted:  userboot boot --policy serial-console.lua --grant uuid=FILE ...

local uuid = read("uuid"):match("^%s*(%S+)")
local forced = { boot_serial = "YES", console = "comconsole", ["smbios.system.uuid"] = uuid }

function onEnvironment()
  return forced
end

function onSetenv(name)
  if forced[name] then return { value = forced[name] } end
end
