/**
 * Units as exact factors to the base units of the SI. Factors are those that define the unit; where a unit is only measured
 * (the light year has a defined length, the astronomical unit too) nothing is rounded here.
 *
 * @see BIPM 2019, The International System of Units, 9th edition, tables 2, 4, 7 and 8; NIST Special Publication 811 (2008),
 *      appendix B, for the inch-pound units.
 */

/** What a unit measures: exponents of base units. */
export type Dimension = Readonly<Partial<Record<"m" | "kg" | "s" | "K" | "A" | "mol" | "cd" | "rad" | "bit", number>>>;

/** One unit. */
export interface Unit {
  readonly symbol: string;
  readonly names: readonly string[];
  /** Exact factor to base units, as `numerator/denominator` or decimal digits. */
  readonly factor: string;
  readonly dimension: Dimension;
  /** Base units at the unit's zero, for temperatures: `K = (value + offset) · factor`. */
  readonly offset?: string;
  /** Whether SI prefixes go with it. */
  readonly prefixed?: boolean;
}

type Row = readonly [symbol: string, names: string, factor: string, more?: Partial<Unit>];

const group = (dimension: Dimension, rows: readonly Row[]): Unit[] =>
  rows.map(([symbol, names, factor, more]) => ({
    symbol,
    names: names.split(",").filter(Boolean),
    factor,
    dimension,
    ...more,
  }));

const SI = { prefixed: true };

/** All units. */
export const UNITS: readonly Unit[] = [
  ...group({ m: 1 }, [
    ["m", "metre,meter", "1", SI],
    ["in", "inch,inches", "0.0254"],
    ["ft", "foot,feet", "0.3048"],
    ["yd", "yard", "0.9144"],
    ["mi", "mile", "1609.344"],
    ["nmi", "nautical mile", "1852"],
    ["au", "astronomical unit", "149597870700"],
    ["ly", "light year,light-year", "9460730472580800"],
    ["Å", "angstrom,ångström", "1e-10"],
  ]),
  ...group({ m: 2 }, [
    ["ha", "hectare", "10000"],
    ["are", "are", "100"],
    ["acre", "acre", "4046.8564224"],
  ]),
  ...group({ m: 3 }, [
    ["L", "litre,liter,l", "0.001", SI],
    ["gal", "US gallon,gallon", "0.003785411784"],
    ["qt", "US quart,quart", "0.000946352946"],
    ["pt", "US pint,pint", "0.000473176473"],
    ["cup", "US cup,cup", "0.0002365882365"],
    ["floz", "US fluid ounce,fluid ounce", "0.0000295735295625"],
    ["tbsp", "US tablespoon,tablespoon", "0.00001478676478125"],
    ["tsp", "US teaspoon,teaspoon", "0.00000492892159375"],
    ["impgal", "imperial gallon", "0.00454609"],
    ["imppt", "imperial pint", "0.00056826125"],
    ["bbl", "oil barrel,barrel", "0.158987294928"],
  ]),
  ...group({ kg: 1 }, [
    ["g", "gram,gramme", "0.001", SI],
    ["t", "tonne,metric ton", "1000"],
    ["lb", "pound,pounds,lbs", "0.45359237"],
    ["oz", "ounce", "0.028349523125"],
    ["st", "stone", "6.35029318"],
    ["ton", "short ton,US ton", "907.18474"],
    ["longton", "long ton,imperial ton", "1016.0469088"],
    ["ct", "carat", "0.0002"],
    ["ozt", "troy ounce", "0.0311034768"],
  ]),
  ...group({ s: 1 }, [
    ["s", "second,sec", "1", SI],
    ["min", "minute", "60"],
    ["h", "hour,hr", "3600"],
    ["d", "day", "86400"],
    ["week", "week", "604800"],
    ["yr", "Julian year,year", "31557600"],
  ]),
  ...group({ m: 1, s: -1 }, [
    ["mph", "mile per hour,miles per hour", "0.44704"],
    ["kn", "knot", "1852/3600"],
    ["kph", "kmh", "1000/3600"],
  ]),
  ...group({ m: 1, s: -2 }, [["gn", "standard gravity", "9.80665"]]),
  ...group({ m: 1, kg: 1, s: -2 }, [
    ["N", "newton", "1", SI],
    ["lbf", "pound-force,pound force", "4.4482216152605"],
    ["kgf", "kilogram-force", "9.80665"],
  ]),
  ...group({ m: -1, kg: 1, s: -2 }, [
    ["Pa", "pascal", "1", SI],
    ["bar", "bar", "100000", SI],
    ["atm", "atmosphere", "101325"],
    ["mmHg", "millimetre of mercury", "133.322387415"],
    ["Torr", "torr", "101325/760"],
    ["psi", "pound per square inch", "44482216152605/6451600000"],
  ]),
  ...group({ m: 2, kg: 1, s: -2 }, [
    ["J", "joule", "1", SI],
    ["Wh", "watt hour,watt-hour", "3600", SI],
    ["cal", "calorie", "4.184", SI],
    ["eV", "electronvolt", "1.602176634e-19", SI],
    ["BTU", "British thermal unit", "1055.05585262"],
  ]),
  ...group({ m: 2, kg: 1, s: -3 }, [
    ["W", "watt", "1", SI],
    ["PS", "metric horsepower", "735.49875"],
    ["hp", "mechanical horsepower,horsepower", "745.69987158227022"],
  ]),
  ...group({ K: 1 }, [
    ["K", "kelvin", "1", SI],
    ["°C", "degree Celsius,degrees Celsius,celsius,degC,C", "1", { offset: "273.15" }],
    ["°F", "degree Fahrenheit,degrees Fahrenheit,fahrenheit,degF,F", "5/9", { offset: "459.67" }],
    ["°R", "degree Rankine,rankine", "5/9"],
  ]),
  ...group({ A: 1 }, [["A", "ampere,amp", "1", SI]]),
  ...group({ A: 1, s: 1 }, [["Ah", "ampere hour,amp hour", "3600", SI]]),
  ...group({ m: 2, kg: 1, s: -3, A: -1 }, [["V", "volt", "1", SI]]),
  ...group({ m: 2, kg: 1, s: -3, A: -2 }, [["ohm", "Ω,ohms", "1", SI]]),
  ...group({ s: -1 }, [
    ["Hz", "hertz", "1", SI],
    ["rpm", "revolution per minute", "1/60"],
  ]),
  ...group({ mol: 1 }, [["mol", "mole", "1", SI]]),
  ...group({ cd: 1 }, [["cd", "candela", "1", SI]]),
  ...group({ rad: 1 }, [["rad", "radian", "1", SI]]),
  ...group({ bit: 1 }, [
    ["bit", "bits", "1", SI],
    ["B", "byte", "8", SI],
    ["KiB", "kibibyte", "8192"],
    ["MiB", "mebibyte", "8388608"],
    ["GiB", "gibibyte", "8589934592"],
    ["TiB", "tebibyte", "8796093022208"],
  ]),
];

/** SI prefixes: symbol, name, power of ten. */
export const PREFIXES: readonly (readonly [symbol: string, name: string, exponent: number])[] = [
  ["Q", "quetta", 30],
  ["R", "ronna", 27],
  ["Y", "yotta", 24],
  ["Z", "zetta", 21],
  ["E", "exa", 18],
  ["P", "peta", 15],
  ["T", "tera", 12],
  ["G", "giga", 9],
  ["M", "mega", 6],
  ["k", "kilo", 3],
  ["h", "hecto", 2],
  ["da", "deca", 1],
  ["d", "deci", -1],
  ["c", "centi", -2],
  ["m", "milli", -3],
  ["µ", "micro", -6],
  ["u", "micro", -6],
  ["n", "nano", -9],
  ["p", "pico", -12],
  ["f", "femto", -15],
  ["a", "atto", -18],
];
