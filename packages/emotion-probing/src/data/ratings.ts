/** Ratings and judgements of people, out of tables. */
import { FormatError } from "@cambium/base";
import { measureRdm } from "../rdm/measure-rdm.ts";
import { pairIndex, type Rdm, rdmOf } from "../rdm/rdm.ts";
import { numberOf, readCsv } from "./csv.ts";

/** What people say of conditions. */
export interface Ratings {
  readonly conditions: readonly string[];
  readonly attributes: readonly string[];
  readonly raters: readonly string[];
  /** Mean over raters, `[attributes][conditions]`. */
  readonly means: readonly Float64Array[];
  /** Of one attribute `[conditions][raters]`, NaN where a rater did not say: what `intraclassCorrelation` takes, once complete. */
  readonly values: readonly (readonly Float64Array[])[];
}

const need = (caller: string, header: readonly string[], names: readonly string[]): readonly number[] =>
  names.map((name) => {
    const place = header.indexOf(name);
    if (place >= 0) return place;
    throw new FormatError({
      message: `${caller}: the table needs the columns ${names.join(", ")}, got ${header.join(", ")}`,
    });
  });

/** The distinct values of a column, in the order in which they come. */
const distinct = (rows: readonly (readonly string[])[], column: number): string[] => [
  ...new Set(rows.map((row) => row[column]!)),
];

/**
 * Ratings out of a table with the columns `condition`, `attribute`, `rater` and `value`, one row each. Other columns are an error.
 *
 * @throws {FormatError} For other columns, a value that is no number, a rating that comes twice, or an attribute that nobody
 *   rates for a condition.
 */
export function readRatings(content: string): Ratings {
  const columns = ["condition", "attribute", "rater", "value"] as const;
  const { header, rows } = readCsv("readRatings", content);
  const [condition, attribute, rater, value] = need("readRatings", header, columns) as [number, number, number, number];
  if (header.length !== columns.length)
    throw new FormatError({
      message: `readRatings: the table has more columns than ${columns.join(", ")}: ${header.join(", ")}`,
    });
  const [conditions, attributes, raters] = [condition, attribute, rater].map((column) => distinct(rows, column)) as [
    string[],
    string[],
    string[],
  ];
  const values = attributes.map(() => conditions.map(() => new Float64Array(raters.length).fill(Number.NaN)));
  const seen = new Set<string>();
  rows.forEach((row, i) => {
    const list = values[attributes.indexOf(row[attribute]!)]![conditions.indexOf(row[condition]!)]!;
    const at = raters.indexOf(row[rater]!);
    const key = JSON.stringify([row[condition], row[attribute], row[rater]]);
    if (seen.has(key))
      throw new FormatError({
        message: `readRatings: row ${i + 1} repeats what ${row[rater]} says of ${row[condition]}`,
        row: i + 1,
      });
    seen.add(key);
    list[at] = numberOf("readRatings", row[value]!, `the value of row ${i + 1}`);
  });
  const means = values.map((lists, a) =>
    Float64Array.from(lists, (list, c) => {
      const known = list.filter((one) => !Number.isNaN(one));
      if (known.length > 0) return known.reduce((sum, one) => sum + one, 0) / known.length;
      throw new FormatError({ message: `readRatings: nobody rates ${conditions[c]} for ${attributes[a]}` });
    }),
  );
  return { conditions, attributes, raters, means, values };
}

/** RDMs of ratings: for each attribute the differences of the means. */
export function ratingRdms({ conditions, attributes, means }: Ratings): Readonly<Record<string, Rdm>> {
  return Object.fromEntries(
    attributes.map((name, a) => [
      name,
      measureRdm(
        Array.from(means[a]!, (value) => [value]),
        { metric: "difference", conditions },
      ),
    ]),
  );
}

/**
 * Judged distances out of a table with the columns `first`, `second`, `rater` and `value`: one RDM a rater, in which pairs that the rater
 * did not judge are unknown.
 *
 * @throws {FormatError} For other columns, a value that is no number, a condition with itself, or a pair that a rater judges twice.
 */
export function readSimilarities(content: string): readonly Rdm[] {
  const columns = ["first", "second", "rater", "value"] as const;
  const { header, rows } = readCsv("readSimilarities", content);
  const [first, second, rater, value] = need("readSimilarities", header, columns) as [number, number, number, number];
  if (header.length !== columns.length)
    throw new FormatError({
      message: `readSimilarities: the table has more columns than ${columns.join(", ")}: ${header.join(", ")}`,
    });
  const conditions = [...new Set(rows.flatMap((row) => [row[first]!, row[second]!]))];
  const count = conditions.length;
  const byRater = new Map<string, Float64Array>();
  const seen = new Set<string>();
  rows.forEach((row, i) => {
    const name = row[rater]!;
    const list = byRater.get(name) ?? new Float64Array((count * (count - 1)) / 2).fill(Number.NaN);
    byRater.set(name, list);
    const [a, b] = [conditions.indexOf(row[first]!), conditions.indexOf(row[second]!)];
    const place = pairIndex(a, b, count);
    const key = JSON.stringify([name, place]);
    if (a === b || seen.has(key)) {
      throw new FormatError({
        message: `readSimilarities: row ${i + 1} ${a === b ? `compares ${row[first]} with itself` : `repeats a pair that ${name} judged`}`,
        row: i + 1,
      });
    }
    seen.add(key);
    list[place] = numberOf("readSimilarities", row[value]!, `the value of row ${i + 1}`);
  });
  return [...byRater].map(([name, values]) => ({ ...rdmOf(conditions, values, "judged"), about: { rater: name } }));
}
