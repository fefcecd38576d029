import Fraction from "fraction.js";
import { expect, test } from "vitest";
import { show } from "../calculator/number.ts";
import { exchange } from "./rates.ts";
import { UNITS } from "./table.ts";
import { convert, parseUnit } from "./units.ts";

const converted = (value: string, from: string, to: string): string =>
  show(convert(new Fraction(value), from, to)).decimal;

test.each([
  ["1", "mi", "km", "1.609344"],
  ["1", "mile", "feet", "5280"],
  ["212", "°F", "°C", "100"],
  ["-40", "celsius", "fahrenheit", "-40"],
  ["0", "K", "°C", "-273.15"],
  ["1", "gal", "floz", "128"],
  ["1", "imperial gallon", "imperial pint", "8"],
  ["90", "km/h", "m/s", "25"],
  ["1", "kg*m/s^2", "N", "1"],
  ["1", "N/m²", "pascals", "1"],
  ["1", "kWh", "MJ", "3.6"],
  ["1", "GiB", "kB", "1073741.824"],
  ["1", "lbf/in^2", "psi", "1"],
  ["760", "Torr", "atm", "1"],
  ["60", "rpm", "Hz", "1"],
  ["1", "mi per h", "mph", "1"],
  ["2", "st", "lb", "28"],
  ["1", "acre", "ft^2", "43560"],
])("%s %s is in %s %s", (value, from, to, expected) => {
  expect(converted(value, from, to)).toBe(expected);
});

test.each(UNITS.map(({ symbol }) => [symbol]))("%s converted to base units and back is the same", (symbol) => {
  const base = UNITS.find(
    ({ dimension }) => JSON.stringify(dimension) === JSON.stringify(parseUnit(symbol).dimension),
  )!.symbol;
  expect(convert(convert(new Fraction("17/3"), symbol, base), base, symbol).toFraction()).toBe("17/3");
});

test("one symbol stands for one unit", () => {
  const all = UNITS.flatMap(({ symbol, names }) => [...new Set([symbol, ...names])]);
  expect(all.filter((name, index) => all.indexOf(name) !== index)).toEqual([]);
});

test.each([
  ["km", "kg", "cannot be converted"],
  ["kilometer", "mlie", 'is "mile" meant?'],
  ["°C", "K/s", "cannot be converted"],
  ["°C*m", "J", "use K for differences"],
  ["m^99", "m", "no power"],
])("%s to %s is refused", (from, to, message) => {
  expect(() => convert(new Fraction(1), from, to)).toThrow(
    expect.objectContaining({ code: "TOOL_ERROR", message: expect.stringContaining(message) }),
  );
});

test("money goes through the base currency, and a currency without a rate is refused", () => {
  const rates = { base: "EUR", rates: { USD: "1.25", GBP: "0.8" }, date: "2026-03-02" };
  expect(show(exchange(rates, new Fraction(10), "USD", "GBP")).decimal).toBe("6.4");
  expect(() => exchange(rates, new Fraction(1), "USD", "constructor")).toThrow('no rate for "constructor"');
});
