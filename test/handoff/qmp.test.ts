// QEMU's control channel: what starts the guest, and how its end is understood.

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { QmpWatch } from "../../build/host/handoff/qmp.js";

const GREETING = '{"QMP": {"version": {"qemu": {"major": 7}}, "capabilities": ["oob"]}}\r\n';
const RETURN = '{"return": {}}\r\n';
const event = (name: string, data?: object) =>
  `${JSON.stringify({ timestamp: { seconds: 1 }, event: name, ...(data && { data }) })}\r\n`;
const shutdown = (reason: string) => event("SHUTDOWN", { guest: true, reason });
const status = (name: string) => `{"return": {"status": "${name}", "running": false}}\r\n`;

/** What a watch has sent and knows after `pieces`. */
function watched(pieces: readonly string[], held = false) {
  const sent: string[] = [];
  const watch = new QmpWatch((text) => sent.push(JSON.parse(text).execute), held);
  for (const piece of pieces) watch.receive(piece);
  const { started, end, refused } = watch;
  return { sent, started, end, refused };
}

const OPENING = GREETING + RETURN + event("RESUME") + RETURN;

describe("the control channel of QEMU", () => {
  it("starts the guest, unless the user does", () => {
    expect(watched([OPENING])).toMatchObject({ sent: ["qmp_capabilities", "cont"], started: true, end: undefined });
    expect(watched([GREETING + RETURN], true)).toMatchObject({ sent: ["qmp_capabilities"], started: false });
  });

  it.each([
    ["guest-reset", "reset"],
    ["host-qmp-system-reset", "reset"],
    ["guest-shutdown", "off"],
    ["guest-panic", "panic"],
    ["host-signal", "off"],
    ["host-qmp-quit", "off"],
    ["a reason of later versions", "off"],
    ["constructor", "off"],
  ])("tells the end by the reason: %s", (reason, end) => {
    expect(watched([OPENING, shutdown(reason)]).end).toBe(end);
  });

  it("takes an end without a reason for one that is turned off", () => {
    expect(watched([OPENING, event("SHUTDOWN")]).end).toBe("off");
    expect(watched([OPENING, event("SHUTDOWN"), shutdown("guest-reset")]).end).toBe("off");
  });

  it("ends a guest that KVM can't go on with, and no other that stands still", () => {
    const broken = watched([OPENING, event("STOP"), status("internal-error"), RETURN, shutdown("host-qmp-quit")]);
    expect(broken).toMatchObject({ end: "broken", sent: ["qmp_capabilities", "cont", "query-status", "quit"] });
    for (const other of ["paused", "io-error", "watchdog"]) {
      const still = watched([OPENING, event("STOP"), status(other)]);
      expect(still).toMatchObject({ end: undefined, sent: ["qmp_capabilities", "cont", "query-status"] });
    }
  });

  it("keeps what QEMU refuses", () => {
    const refusal = '{"error": {"class": "GenericError", "desc": "Resetting the VM is required"}}\n';
    const { refused, sent } = watched([GREETING, RETURN, refusal]);
    expect([refused, sent.at(-1)]).toEqual(["Resetting the VM is required", "quit"]);
  });

  it("understands the same in pieces of any size, with anything in between", () => {
    const text = `${OPENING}${event("RTC_CHANGE")}no JSON\n[]\nnull\n7\n${shutdown("guest-reset")}`;
    const whole = watched([text]);
    expect(whole.end).toBe("reset");
    fc.assert(
      fc.property(fc.array(fc.nat(text.length)), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), text.length];
        const pieces = places.slice(1).map((to, index) => text.slice(places[index], to));
        expect(watched(pieces)).toEqual(whole);
      }),
    );
  });

  it("takes any text", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.json(), fc.constant("\n"))), (pieces) => void watched(pieces)),
    );
  });
});
