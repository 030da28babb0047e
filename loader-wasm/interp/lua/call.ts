// Calling values: Lua functions, functions of the core, and what has a `__call`. (calls: declared here first)
export function callHandler(): void {}
