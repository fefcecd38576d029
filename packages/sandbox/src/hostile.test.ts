import { expect, test } from "vitest";
import { messageOf } from "./hostile.ts";

const thrower = (): never => {
  throw thrower;
};
const proxy = new Proxy(() => {}, { get: thrower, getPrototypeOf: thrower, has: thrower, ownKeys: thrower });

test.each<[what: string, error: unknown, message: string]>([
  ["an error", new TypeError("closed"), "closed"],
  ["a text", "closed", "closed"],
  ["nothing", undefined, "undefined"],
  ["null", null, "null"],
  ["a symbol", Symbol("s"), "Symbol(s)"],
  ["a large integer", 5n, "5"],
  ["an error with a message of null", Object.assign(new Error("x"), { message: null }), "an error without a message"],
  ["an object without a prototype", Object.create(null), "an error without a message"],
  ["an object with a code", { code: 5 }, '{"code":5}'],
  [
    "a message that throws",
    {
      get message() {
        return thrower();
      },
    },
    "an error that cannot be shown",
  ],
  ["a toJSON that throws", { toJSON: thrower }, "an error that cannot be shown"],
  ["a proxy", proxy, "an error that cannot be shown"],
  ["a function", () => 1, "an error without a message"],
  ["a message of a megabyte", new Error("x".repeat(1e6)), "x".repeat(1500)],
])("%s has a message", (_, error, message) => {
  expect(messageOf(error)).toBe(message);
});
