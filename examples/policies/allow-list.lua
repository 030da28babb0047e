-- Only kernels that this host knows are booted. A list of SHA-256 digests, one a line, may be granted with
-- --grant kernels=FILE; without one, the kernels of the project's own test guests are known.

local known = {
  ["41ac2685e2554118c2af018184a48799220ec05ef60bffc0a5c605b6fe76f3fa"] = true, -- amd64
  ["b47ac71c641d45270360f9dce332d923635fac16d87a72c10e633ba4ea043519"] = true, -- i386
}
local granted, list = pcall(read, "kernels")
if granted then
  known = {}
  for digest in list:gmatch("%x+") do known[digest:lower()] = true end
end

function onFile(file)
  if file.purpose == "kernel" and not known[file.sha256] then
    return deny("kernel with SHA-256 " .. file.sha256 .. " is not on the list")
  end
end
