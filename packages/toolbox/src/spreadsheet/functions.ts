import { CellError, type Value } from "./cells.ts";

/** An argument: one value, or the rows of a range. */
export type Argument = Value | readonly (readonly Value[])[];

export const isRange = (argument: Argument): argument is readonly (readonly Value[])[] => Array.isArray(argument);

/** Throws an error value, so that it spreads. */
function fine(value: Value): Exclude<Value, CellError> {
  if (value instanceof CellError) throw value;
  return value as Exclude<Value, CellError>;
}

export function toNumber(value: Value): number {
  const plain = fine(value);
  if (typeof plain === "number") return plain;
  if (plain === null || plain === "") return 0;
  if (typeof plain === "boolean") return Number(plain);
  const number = Number(plain);
  if (Number.isNaN(number)) throw new CellError("#VALUE!");
  return number;
}

export function toText(value: Value): string {
  const plain = fine(value);
  if (plain === null) return "";
  if (typeof plain === "boolean") return plain ? "TRUE" : "FALSE";
  return typeof plain === "number" ? String(Number(plain.toPrecision(15))) : plain;
}

export function toBoolean(value: Value): boolean {
  const plain = fine(value);
  if (typeof plain === "boolean") return plain;
  if (typeof plain === "string" && /^(true|false)$/i.test(plain)) return plain.toLowerCase() === "true";
  return toNumber(plain) !== 0;
}

/** Numbers before text before truth values, text without regard to case. */
export function compare(a: Value, b: Value): number {
  const [x, y] = [fine(a), fine(b)].map(
    (value, i, all) => value ?? (typeof all[1 - i] === "string" ? "" : typeof all[1 - i] === "boolean" ? false : 0),
  );
  const rank = (value: unknown): number => (typeof value === "number" ? 0 : typeof value === "string" ? 1 : 2);
  if (rank(x) !== rank(y)) return rank(x) - rank(y);
  const [p, q] = [x, y].map((value) => (typeof value === "string" ? value.toLowerCase() : value)) as [number, number];
  return p < q ? -1 : p > q ? 1 : 0;
}

const one = (argument: Argument | undefined): Value => {
  if (argument === undefined) return null;
  if (!isRange(argument)) return argument;
  if (argument.length === 1 && argument[0]!.length === 1) return argument[0]![0]!;
  throw new CellError("#VALUE!");
};
const values = (parts: readonly Argument[]): Value[] => parts.flatMap((part) => (isRange(part) ? part.flat() : [part]));
/** Of ranges only what is a number counts; what stands in the formula itself is read as one. */
const numbers = (parts: readonly Argument[]): number[] =>
  parts.flatMap((part) =>
    isRange(part) ? part.flat().filter((value) => typeof fine(value) === "number") : [toNumber(part)],
  ) as number[];
const some = (list: readonly number[]): readonly number[] => {
  if (list.length === 0) throw new CellError("#DIV/0!");
  return list;
};
const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);
const mean = (list: readonly number[]): number => sum(some(list)) / list.length;

function median(list: readonly number[]): number {
  const sorted = [...some(list)].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Of nothing it is 0. */
const extreme = (list: readonly number[], pick: (a: number, b: number) => number): number =>
  list.length === 0 ? 0 : list.reduce((a, b) => pick(a, b));

function deviation(list: readonly number[]): number {
  if (list.length < 2) throw new CellError("#DIV/0!");
  const middle = mean(list);
  return Math.sqrt(sum(list.map((value) => (value - middle) ** 2)) / (list.length - 1));
}

/** Half away from zero, by the decimal digits that are shown. */
function round(value: number, digits: number): number {
  const places = Math.trunc(digits);
  if (Math.abs(places) > 15) throw new CellError("#NUM!");
  const scaled = Number((Math.abs(value) * 10 ** places).toPrecision(15));
  return (Math.sign(value) * Math.round(scaled)) / 10 ** places;
}

/** `">=10"`, `"apple"`, `5`: whether a value meets the condition. */
function meets(condition: Value): (value: Value) => boolean {
  const [, sign = "=", text = ""] = /^(<=|>=|<>|<|>|=)?(.*)$/s.exec(toText(condition))!;
  const wanted: Value = text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text;
  return (value) => {
    if (value instanceof CellError) return false;
    if (typeof wanted === "number" && typeof value !== "number") return sign === "<>";
    const order = compare(value, wanted);
    return sign === "="
      ? order === 0
      : sign === "<>"
        ? order !== 0
        : sign === "<"
          ? order < 0
          : sign === ">"
            ? order > 0
            : sign === "<="
              ? order <= 0
              : order >= 0;
  };
}

const range = (argument: Argument | undefined): readonly (readonly Value[])[] =>
  argument !== undefined && isRange(argument) ? argument : [[argument ?? null]];

function sumIf([where, condition, what = where!]: readonly Argument[]): number[] {
  const [tested, taken] = [range(where).flat(), range(what).flat()];
  if (tested.length !== taken.length) throw new CellError("#VALUE!");
  const test = meets(one(condition));
  return taken.filter((value, i) => test(tested[i]!) && typeof value === "number") as number[];
}

function lookUp([key, table, column, near]: readonly Argument[]): Value {
  const at = Math.trunc(toNumber(one(column))) - 1;
  const rows = range(table);
  if (at < 0 || at >= rows[0]!.length) throw new CellError("#REF!");
  const wanted = one(key);
  const isNear = near === undefined ? true : toBoolean(one(near));
  const found = isNear
    ? rows.findLastIndex((row) => compare(row[0]!, wanted) <= 0)
    : rows.findIndex((row) => compare(row[0]!, wanted) === 0);
  if (found < 0) throw new CellError("#N/A");
  return rows[found]![at]!;
}

function match([key, list, kind]: readonly Argument[]): number {
  const [wanted, all] = [one(key), range(list).flat()];
  const found =
    kind === undefined || toNumber(one(kind)) !== 0
      ? all.findLastIndex((value) => compare(value, wanted) <= 0)
      : all.findIndex((value) => compare(value, wanted) === 0);
  if (found < 0) throw new CellError("#N/A");
  return found + 1;
}

function index([list, row, column]: readonly Argument[]): Value {
  const rows = range(list);
  const [r, c] =
    rows.length === 1 && column === undefined
      ? [1, toNumber(one(row))]
      : [toNumber(one(row)), column === undefined ? 1 : toNumber(one(column))];
  const found = rows[Math.trunc(r) - 1]?.[Math.trunc(c) - 1];
  if (found === undefined) throw new CellError("#REF!");
  return found;
}

function modulo(value: number, divisor: number): number {
  if (divisor === 0) throw new CellError("#DIV/0!");
  return value - divisor * Math.floor(value / divisor);
}

function real(value: number): number {
  if (!Number.isFinite(value)) throw new CellError("#NUM!");
  return value;
}

type Function_ = (parts: readonly Argument[]) => Value;
/** Least and most arguments, and what the function does. */
type Row = readonly [least: number, most: number, apply: Function_];

const n = (argument: Argument | undefined): number => toNumber(one(argument));
const t = (argument: Argument | undefined): string => toText(one(argument));
const whole = (argument: Argument | undefined, otherwise: number): number =>
  argument === undefined ? otherwise : Math.max(0, Math.trunc(n(argument)));
const ANY = 255;

/** Every function but `IF` and `IFERROR`, which do not look at all their arguments. */
export const FUNCTIONS: ReadonlyMap<string, Row> = new Map(
  Object.entries<Row>({
    SUM: [1, ANY, (parts) => sum(numbers(parts))],
    AVERAGE: [1, ANY, (parts) => mean(numbers(parts))],
    MEDIAN: [1, ANY, (parts) => median(numbers(parts))],
    STDEV: [1, ANY, (parts) => deviation(numbers(parts))],
    MIN: [1, ANY, (parts) => extreme(numbers(parts), Math.min)],
    MAX: [1, ANY, (parts) => extreme(numbers(parts), Math.max)],
    PRODUCT: [1, ANY, (parts) => numbers(parts).reduce((a, b) => a * b, 1)],
    COUNT: [1, ANY, (parts) => values(parts).filter((value) => typeof value === "number").length],
    COUNTA: [1, ANY, (parts) => values(parts).filter((value) => value !== null).length],
    COUNTIF: [
      2,
      2,
      ([where, condition]) =>
        range(where)
          .flat()
          .filter(meets(one(condition))).length,
    ],
    SUMIF: [2, 3, (parts) => sum(sumIf(parts))],
    AVERAGEIF: [2, 3, (parts) => mean(sumIf(parts))],
    ROUND: [1, 2, ([value, digits]) => round(n(value), digits === undefined ? 0 : n(digits))],
    INT: [1, 1, ([value]) => Math.floor(n(value))],
    ABS: [1, 1, ([value]) => Math.abs(n(value))],
    SQRT: [1, 1, ([value]) => real(Math.sqrt(n(value)))],
    POWER: [2, 2, ([base, exponent]) => real(n(base) ** n(exponent))],
    MOD: [2, 2, ([value, divisor]) => modulo(n(value), n(divisor))],
    LN: [1, 1, ([value]) => real(Math.log(n(value)))],
    EXP: [1, 1, ([value]) => real(Math.exp(n(value)))],
    AND: [1, ANY, (parts) => values(parts).every(toBoolean)],
    OR: [1, ANY, (parts) => values(parts).some(toBoolean)],
    NOT: [1, 1, ([value]) => !toBoolean(one(value))],
    CONCAT: [1, ANY, (parts) => values(parts).map(toText).join("").slice(0, 32_767)],
    LEN: [1, 1, ([text]) => t(text).length],
    UPPER: [1, 1, ([text]) => t(text).toUpperCase()],
    LOWER: [1, 1, ([text]) => t(text).toLowerCase()],
    TRIM: [1, 1, ([text]) => t(text).trim().replace(/ +/g, " ")],
    LEFT: [1, 2, ([text, count]) => t(text).slice(0, whole(count, 1))],
    RIGHT: [1, 2, ([text, count]) => (whole(count, 1) === 0 ? "" : t(text).slice(-whole(count, 1)))],
    MID: [3, 3, ([text, from, count]) => t(text).slice(whole(from, 1) - 1, whole(from, 1) - 1 + whole(count, 0))],
    VLOOKUP: [3, 4, lookUp],
    MATCH: [2, 3, match],
    INDEX: [2, 3, index],
    ISBLANK: [1, 1, ([value]) => one(value) === null],
  }),
);
