-- Start-up script of the test guests for the Lua interpreter; does what
-- loader.rc does for the other two.  The countdown starts when it returns.

-- The prompt hands every line that is no Lua to this function.
function cli_execute(...)
	return loader.command(...)
end

local settings = {
	["demo.script"] = "loader.lua",
	["demo.note"] = "a value with spaces",
	["autoboot_delay"] = "3",
}

local commands = {
	"load /boot/kernel/kernel demo_argument=1",
	"load ubdemo",
	"load -t demo_text /boot/notes.txt",
}

print("Test guest: loader.lua, " .. loader.getenv("script.lang") ..
    " interpreter, booted from " .. loader.getenv("currdev"))
for name, value in pairs(settings) do
	loader.setenv(name, value)
end
for _, command in ipairs(commands) do
	if loader.perform(command) ~= 0 then
		print("failed: " .. command)
		break
	end
end
