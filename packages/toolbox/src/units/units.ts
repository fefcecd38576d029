import { nearest } from "@cambium/base";
import Fraction from "fraction.js";
import { refuse } from "../refuse.ts";
import { type Dimension, PREFIXES, UNITS, type Unit } from "./table.ts";

/** A unit or a product of units: `value in base units = (value + offset) · factor`. */
export interface Measure {
  readonly factor: Fraction;
  readonly offset: Fraction;
  readonly dimension: Dimension;
}

const MOST_PARTS = 12;

/** `1e-10` and `1/3` exactly. */
export function exact(text: string): Fraction {
  const [digits = "", exponent = "0"] = text.toLowerCase().split("e");
  return new Fraction(digits).mul(new Fraction(10).pow(Number(exponent))!);
}

function table(): ReadonlyMap<string, Measure> {
  const found = new Map<string, Measure>();
  const add = (name: string, measure: Measure): void => {
    if (!found.has(name)) found.set(name, measure);
  };
  const spellings = ({ names }: Unit): string[] => names.flatMap((name) => [name, `${name}s`]);
  const measureOf = ({ factor, offset = "0", dimension }: Unit, by = new Fraction(1)): Measure => ({
    factor: exact(factor).mul(by),
    offset: exact(offset),
    dimension,
  });
  for (const unit of UNITS) for (const name of [unit.symbol, ...spellings(unit)]) add(name, measureOf(unit));
  for (const unit of UNITS.filter(({ prefixed }) => prefixed === true)) {
    for (const [symbol, prefix, exponent] of PREFIXES) {
      if (exponent < 0 && "bit" in unit.dimension) continue; // nobody has a millibyte
      const measure = measureOf(unit, new Fraction(10).pow(exponent)!);
      add(`${symbol}${unit.symbol}`, measure);
      for (const name of spellings(unit)) add(`${prefix}${name}`, measure);
    }
  }
  return found;
}

const KNOWN = table();
/** Names by their lower case where only one unit has it; symbols differ by case (`mW`, `MW`) and are not guessed. */
const BY_LOWER_CASE: ReadonlyMap<string, string> = new Map(
  [...KNOWN.keys()].filter((name) => name.length > 3).map((name) => [name.toLowerCase(), name]),
);

function find(name: string): Measure {
  const found = KNOWN.get(name) ?? KNOWN.get(BY_LOWER_CASE.get(name.toLowerCase()) ?? "");
  if (found !== undefined) return found;
  const close = nearest(name, KNOWN.keys());
  refuse(`no unit "${name}"${close === undefined ? "; list the units of a quantity first" : `; is "${close}" meant?`}`);
}

/**
 * The measure that an expression means: a unit, or units joined by `*`, `/`, `per` and powers (`kg*m/s^2`, `m²`, `mi per h`).
 *
 * @throws {ToolError} For an unknown unit, naming the nearest; for a temperature with an offset inside a product.
 */
export function parseUnit(text: string): Measure {
  const trimmed = text.trim();
  if (KNOWN.has(trimmed) || BY_LOWER_CASE.has(trimmed.toLowerCase())) return find(trimmed);
  const parts = trimmed
    .replaceAll("²", "^2")
    .replaceAll("³", "^3")
    .replace(/\s+per\s+/g, "/")
    .replaceAll("·", "*")
    .split(/\s*([*/])\s*/);
  if (parts.length > 2 * MOST_PARTS) refuse(`"${text}" has more than ${MOST_PARTS} parts`);
  let factor = new Fraction(1);
  const dimension: Partial<Record<keyof Dimension, number>> = {};
  for (let i = 0; i < parts.length; i += 2) {
    const [name = "", power = "1"] = parts[i]!.split("^");
    if (!/^-?\d$/.test(power)) refuse(`"${parts[i]}" has no power from -9 to 9`);
    if (name.trim() === "1" && i === 0) continue;
    const unit = find(name.trim());
    if (!unit.offset.equals(0) && (parts.length > 1 || power !== "1"))
      refuse(`"${name.trim()}" counts from a zero of its own and cannot stand in "${text}"; use K for differences`);
    const exponent = Number(power) * (parts[i - 1] === "/" ? -1 : 1);
    factor = factor.mul(unit.factor.pow(exponent)!);
    for (const [key, value] of Object.entries(unit.dimension) as [keyof Dimension, number][])
      dimension[key] = (dimension[key] ?? 0) + value * exponent;
  }
  return { factor, offset: new Fraction(0), dimension };
}

/** `m/s^2` for a dimension; `1` for none. */
export function showDimension(dimension: Dimension): string {
  const parts = Object.entries(dimension).filter(([, power]) => power !== 0);
  return parts.length === 0 ? "1" : parts.map(([unit, power]) => (power === 1 ? unit : `${unit}^${power}`)).join("·");
}

/**
 * A value in another unit, exactly.
 *
 * @throws {ToolError} When the two do not measure the same thing.
 */
export function convert(value: Fraction, from: string, to: string): Fraction {
  const [source, target] = [parseUnit(from), parseUnit(to)];
  const [a, b] = [source, target].map(({ dimension }) =>
    showDimension(Object.fromEntries(Object.entries(dimension).sort(([x], [y]) => (x < y ? -1 : 1)))),
  );
  if (a !== b) refuse(`"${from}" measures ${a} and "${to}" measures ${b}; they cannot be converted`);
  return value.add(source.offset).mul(source.factor).div(target.factor).sub(target.offset);
}
