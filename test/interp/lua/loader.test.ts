// The libraries `loader` and `errno`: environment, commands, time.

import { describe, expect, it } from "vitest";
import { guest, scripted } from "./guest.js";

describe("the library loader", () => {
  it("reads and writes the environment, whose texts end at a NUL", async () => {
    const { printed } = await scripted(`
      print(loader.setenv("colour", "green"), loader.getenv("colour"))
      print(loader.setenv("number", 12), loader.getenv("number"))
      print(loader.setenv("cut", "before\\0after"), loader.getenv("cut"))
      print(loader.unsetenv("colour"), loader.getenv("colour"), loader.unsetenv("colour"))
      print(loader.setenv("loaddev", "elsewhere"), loader.getenv("loaddev"))
    `);
    expect(printed).toBe("0\tgreen\n0\t12\n0\tbefore\n0\tnil\t2\n1\thost0:\n");
  });

  it("runs commands from arguments, lines and as the prompt would", async () => {
    const { printed } = await scripted(`
      print(loader.command("echo", "two  words", 3))
      print(loader.perform("echo 'two  words' $script.lang"))
      print(loader.interpret("x = 4 * 5"), x)
      print(loader.interpret("echo from the prompt"))
      print(loader.perform("echo 'open"))
    `);
    expect(printed).toBe("two  words 3\n0\ntwo  words lua\n0\n0\t20\nfrom the prompt\n0\nfail at line 180\n1\n");
  });

  it("tells why a command failed only when the text was made for it", async () => {
    const { printed } = await scripted(`
      print(loader.command("nonsense"), loader.command_error())
      print(loader.command("set"), loader.command_error())
      print(loader.command("show", "absent"), loader.command_error())
      print(loader.command("set"), loader.command_error())
    `);
    expect(printed).toBe(
      "2\tno error message\n2\tno error message\n2\tvariable 'absent' not found\n2\tno error message\n",
    );
  });

  it("splits lines", async () => {
    const { printed } = await scripted(`
      loader.setenv("where", "here")
      print(loader.parse("a 'b c' \${where} \\\\x41 \\\\101"))
      print(select("#", loader.parse("")), loader.parse("'"))
    `);
    expect(printed).toBe("a\tb c\there\tx41\tA\nfail at line 180\n0\tnil\n");
  });

  it("takes long lines without using memory up", async () => {
    const { printed, result } = await scripted(`
      local long = ("word "):rep(200000)
      for i = 1, 3 do print(loader.parse(long), loader.perform(long)) end
      print(#loader.parse("'" .. ("x"):rep(1023) .. "'"))
    `);
    expect(printed.replaceAll("fail at line 133\n", "")).toBe(`${"nil\t1\n".repeat(3)}1023\n`);
    expect(result.error?.name).toBe("InputEndedError");
  });

  it("waits, and knows the time", async () => {
    const { printed } = await scripted(`
      local start = loader.time()
      loader.delay(2000000)
      loader.delay(-5)
      print(loader.time() - start)
    `);
    expect(printed).toBe("2\n");
  });

  it("prints bytes as they are", async () => {
    const { printed } = await scripted(`printc("a\\0b\\233\\n") print(printc == loader.printc)`);
    expect(printed).toBe("a\0b\xe9\ntrue\n");
  });

  it.each([
    ["loader.getenv()", /bad argument #1 to '.*' \(string expected, got no value\)/],
    ['loader.setenv("a", {})', /bad argument #2 to '.*' \(string expected, got table\)/],
    ['loader.delay("soon")', /bad argument #1 to '.*' \(number expected, got string\)/],
    ['loader.command("echo", nil)', /bad argument #2 to '.*' \(string expected, got nil\)/],
  ])("%s is an error", async (call, message) => {
    const { printed } = await scripted(`print(pcall(function() ${call} end))`);
    expect(printed).toMatch(message);
  });

  it("goes on after scripts that run each other for ever", async () => {
    const again = { "again.lua": 'loader.perform("include /again.lua")' };
    const { prompted, result } = await guest(
      again,
      'include /again.lua\rf = "loader.interpret(f)"\rloader.interpret(f)\rprint(6*7)\r',
    );
    expect(prompted).toContain("\n42\n");
    expect(result.error?.name).toBe("InputEndedError");
  });
});

describe("the library errno", () => {
  it("has the kernel's numbers", async () => {
    const { printed } = await scripted(`
      print(errno.ENOENT, errno.EWOULDBLOCK == errno.EAGAIN, errno.ELAST, errno.ERESTART)
      local count = 0
      for name, number in pairs(errno) do count = count + 1 end
      print(count)
    `);
    expect(printed).toBe("2\ttrue\t96\t-1\n104\n");
  });
});
