import fc from "fast-check";
import { expect, test } from "vitest";
import { evaluate } from "./evaluate.ts";
import { show } from "./number.ts";

const value = (expression: string): string => show(evaluate(expression)).decimal;

test.each([
  ["0.1 + 0.2", "0.3"],
  ["1/3 + 1/6", "0.5"],
  ["2^200", "1606938044258990275541962092341162602522202993782792835301376"],
  ["-2^2", "-4"],
  ["2^-2", "0.25"],
  ["2^3^2", "512"],
  ["(-7) % 3", "2"],
  ["7 mod 4 * 2", "6"],
  ["25!/23!", "600"],
  ["sqrt(9/16)", "0.75"],
  ["8^(2/3)", "4"],
  ["cbrt(-27)", "-3"],
  ["2^1.23456", "2.353095706660931724007941889447116"],
  ["10^-2.5 * 10^2.5", "1"],
  ["round(2.5)", "3"],
  ["round(-2.345, 2)", "-2.35"],
  ["ceil(-1.5)", "-1"],
  ["choose(52, 5)", "2598960"],
  ["lcm(4, -6, 10)", "60"],
  ["median(3, 1, 2, 10)", "2.5"],
  ["1.5e3 × 2 ÷ 4 − 1", "749"],
  ["sin(0) + ln(1)", "0"],
  ["sqrt(2)", "1.414213562373095048801688724209698"],
  ["pi", "3.141592653589793238462643383279503"],
  ["0^0 + (-1)^3 + 1^999999999", "1"],
])("%s is %s", (expression, expected) => {
  expect(value(expression)).toBe(expected);
});

test("a value that is no terminating decimal comes with its fraction and says that its digits are rounded", () => {
  expect(show(evaluate("22/7"))).toEqual({
    decimal: "3.142857142857142857142857142857143",
    fraction: "22/7",
    exact: false,
  });
  expect(show(evaluate("-5/4"))).toEqual({ decimal: "-1.25", fraction: "-5/4", exact: true });
});

test.each([
  ["1 / 0", "division by zero"],
  ["2 +", "expected a number, a function or a bracket at position 4, got the end"],
  ["sqr(4)", 'is "sqrt" meant?'],
  ["2 3", "expected an operator or the end at position 3, got 3"],
  ["process.exit(1)", '"." at position 8'],
  ["sqrt(-1)", "not real"],
  ["10^10^10", "too many digits"],
  ["99999!", "0 to 2000"],
  [`${"(".repeat(1500)}1`, "levels of brackets"],
  ["gcd(1.5, 2)", "needs integers"],
  ["choose(3)", "takes 2 arguments, got 1"],
])("%s is refused", (expression, message) => {
  expect(() => evaluate(expression)).toThrow(
    expect.objectContaining({ code: "TOOL_ERROR", message: expect.stringContaining(message) }),
  );
});

test("sums, products and quotients of integers agree with bigint", () => {
  fc.assert(
    fc.property(fc.bigInt({ max: 10n ** 30n, min: -(10n ** 30n) }), fc.bigInt({ min: 1n, max: 10n ** 20n }), (a, b) => {
      expect(value(`(${a}) + ${b}`)).toBe(`${a + b}`);
      expect(value(`(${a}) * ${b} / ${b}`)).toBe(`${a}`);
      expect(value(`floor(abs(${a}) / ${b})`)).toBe(`${(a < 0n ? -a : a) / b}`);
    }),
    { numRuns: 50, seed: 1 },
  );
});
