-- Start-up script of the guests with a menu: reads loader.conf, draws a menu with a frame of code page 437, and boots what was
-- chosen.  Small, but with what a guest's own scripts do: options that keys change, a countdown, a way out to the prompt.

function cli_execute(...)
	return loader.command(...)
end

-- loader.conf: `name="value"`, comments and empty lines.  What is neither is told, and left out.
local function read_conf(path)
	local file = io.open(path)
	if not file then
		return
	end
	local text = io.read(file, 65536) or ""
	io.close(file)
	local number = 0
	for line in (text .. "\n"):gmatch("([^\n]*)\n") do
		number = number + 1
		local bare = line:gsub("%s*#[^\"]*$", "")
		local name, value = bare:match('^%s*([%w_.]+)%s*=%s*"([^"]*)"%s*$')
		if not name then
			name, value = bare:match("^%s*([%w_.]+)%s*=%s*([^%s\"]+)%s*$")
		end
		if name then
			loader.setenv(name, value)
		elseif bare:match("%S") then
			print("Malformed line (" .. number .. "):\n\t'" .. line .. "'")
		end
	end
end

local function is_yes(name)
	return (loader.getenv(name) or "NO"):upper() == "YES"
end

local function toggle(name)
	loader.setenv(name, is_yes(name) and "NO" or "YES")
end

local ESCAPE = "\27["
local function at(row, column, text)
	printc(ESCAPE .. row .. ";" .. column .. "H" .. text)
end

-- Column and row of the frame's corner, and its size.
local LEFT, TOP, WIDTH, HEIGHT = 4, 3, 44, 12

local function frame(title)
	local line = ("\xc4"):rep(WIDTH - 2)
	at(TOP, LEFT, "\xda" .. line .. "\xbf")
	for row = TOP + 1, TOP + HEIGHT - 2 do
		at(row, LEFT, "\xb3")
		at(row, LEFT + WIDTH - 1, "\xb3")
	end
	at(TOP + HEIGHT - 1, LEFT, "\xc0" .. line .. "\xd9")
	at(TOP, LEFT + (WIDTH - #title) // 2, title)
end

local OPTIONS = {
	{ key = "2", text = "Verbose", name = "boot_verbose" },
	{ key = "3", text = "Single user", name = "boot_single" },
	{ key = "4", text = "Demo module", name = "demo_load" },
}

local function draw()
	printc(ESCAPE .. "2J")
	frame(" " .. (loader.getenv("menu_title") or "Welcome to the sample guest") .. " ")
	at(TOP + 2, LEFT + 3, "\27[1m1\27[0m. Boot \27[1m[Enter]\27[0m")
	for index, option in ipairs(OPTIONS) do
		local state = is_yes(option.name) and "\27[32mon\27[0m " or "\27[31moff\27[0m"
		at(TOP + 3 + index, LEFT + 3, "\27[1m" .. option.key .. "\27[0m. " .. option.text .. ": " .. state)
	end
	at(TOP + 9, LEFT + 3, "\27[1mEsc\27[0m for the loader's prompt")
end

-- Waits for a key; nil when the countdown ends first.
local function wait_key(seconds)
	local till = seconds and loader.time() + seconds
	local shown
	while not io.ischar() do
		if till then
			local rest = till - loader.time()
			if rest ~= shown then
				at(TOP + HEIGHT, LEFT, "Booting in " .. rest .. " s. Any other key stops that.  ")
				shown = rest
			end
			if rest <= 0 then
				return nil
			end
		end
		loader.delay(50000)
	end
	return io.getchar()
end

local function boot()
	local flags = (is_yes("boot_verbose") and " -v" or "") .. (is_yes("boot_single") and " -s" or "")
	local commands = { "load " .. (loader.getenv("kernel") or "/boot/kernel/kernel") .. " demo_argument=1" }
	if is_yes("demo_load") then
		commands[#commands + 1] = "load ubdemo"
	end
	commands[#commands + 1] = "boot" .. flags
	for _, command in ipairs(commands) do
		if loader.perform(command) ~= 0 then
			print("failed: " .. command .. ": " .. loader.command_error())
			return
		end
	end
end

local function menu()
	local seconds = tonumber(loader.getenv("autoboot_delay") or "5")
	draw()
	while true do
		local key = wait_key(seconds)
		if seconds then
			at(TOP + HEIGHT, LEFT, (" "):rep(60))
		end
		seconds = nil
		if key == nil or key == 13 or key == 10 or key == 49 then
			at(TOP + HEIGHT + 1, 1, "")
			return boot()
		elseif key == 27 then
			at(TOP + HEIGHT + 1, 1, "")
			return
		end
		for _, option in ipairs(OPTIONS) do
			if key == option.key:byte() then
				toggle(option.name)
			end
		end
		draw()
	end
end

read_conf("/boot/defaults/loader.conf")
read_conf("/boot/device.hints")
read_conf("/boot/loader.conf")
menu()
-- At the prompt nothing boots by itself.
loader.setenv("autoboot_delay", "NO")
