// Errors keep their names and what they carry, whatever they cross and whatever a bundler makes of the classes.

import * as api from "userboot-wasm";
import { describe, expect, it } from "vitest";
import { ERROR_CLASSES, plainError, reviveError } from "../../build/host/errors.js";

const exported = Object.entries(api).filter(
  ([, value]) => typeof value === "function" && value.prototype instanceof Error,
);

/** One of each. */
const ERRORS: api.UserbootError[] = [
  new api.LimitError("fuel", 5, 6),
  new api.AssetError("http://localhost/a.wasm", "the server answers 404", 404),
  new api.DiskError("a.img", "is no image"),
  new api.HostTreeError("tree", "is a file"),
  new api.PolicyError("onFile", "file x", "because"),
  new api.PoolError("queue", "1000 boots wait already"),
  new api.FileError("/boot/x", "ENOENT", "no such file or directory"),
  ...[
    api.OptionError,
    api.InterpreterError,
    api.InputEndedError,
    api.RegisterError,
    api.MemoryError,
    api.AbortedError,
    api.PolicyFileError,
    api.ConsoleError,
    api.IsolationError,
    api.HandoffError,
    api.ReleasedError,
    api.InternalError,
  ].map((Class) => new Class("what happened")),
];

describe("the table of error classes", () => {
  it("has every class that is exported, under its name", () => {
    expect(Object.fromEntries(exported)).toEqual(ERROR_CLASSES);
    const tested = ERRORS.map((error) => error.constructor);
    expect(new Set([...tested, api.UserbootError])).toEqual(new Set(Object.values(ERROR_CLASSES)));
  });

  it("gives each class its name as text, which no minifier changes", () => {
    for (const [name, Class] of Object.entries(ERROR_CLASSES)) {
      // A minified class is called something else; the prototype's name stays.
      Object.defineProperty(Class, "name", { value: "C" });
      expect(Class.prototype.name).toBe(name);
    }
  });
});

it.each(ERRORS.map((error) => [error.name, error] as const))("%s is the same on the other side", (name, error) => {
  const sent = JSON.parse(JSON.stringify(plainError(error)));
  const revived = reviveError(sent);
  expect(revived).toBeInstanceOf(ERROR_CLASSES[name as keyof typeof ERROR_CLASSES]);
  expect(revived).toBeInstanceOf(Error);
  expect({ ...revived, name: revived.name, message: revived.message }).toEqual({
    ...error,
    name: error.name,
    message: error.message,
  });
  expect(plainError(revived)).toEqual(sent);
});

it("what has no class of ours is a defect of ours", () => {
  expect(reviveError({ name: "__proto__", message: "x" })).toBeInstanceOf(api.InternalError);
  expect(reviveError({ name: "TypeError", message: "x" })).toBeInstanceOf(api.InternalError);
  expect(plainError("text")).toEqual({ name: "InternalError", message: "text" });
});
