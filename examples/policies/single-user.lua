-- Rescue: the guest starts in single-user mode, verbosely, with its own kernel and nothing that its scripts
-- add to the arguments.

function onEnvironment()
  return { boot_single = "YES", boot_verbose = "YES" }
end

function onKernel(kernel)
  log("starting " .. kernel.path .. " in single-user mode")
  return { args = "-sv" }
end
