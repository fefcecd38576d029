import { checkOptions } from "@cambium/base";
import type { AnyTool } from "@cambium/tool-learning";
import type Fraction from "fraction.js";
import * as z from "zod";
import { show } from "../calculator/number.ts";
import { refuse } from "../refuse.ts";
import { type Define, makeToolkit, type Toolkit } from "../toolkit.ts";
import { exchange, type Rates } from "./rates.ts";
import { UNITS } from "./table.ts";
import { convert, exact, parseUnit, showDimension } from "./units.ts";

/** Options of `units`. */
export interface UnitsOptions {
  /** Rates for currencies; without them only units are converted. */
  readonly rates?: Rates;
}

const amount = z
  .string()
  .regex(/^[+-]?\d{1,60}(\.\d{1,60})?(e[+-]?\d{1,3})?$/i, "must be decimal digits such as 12.5")
  .describe('The value in decimal digits, for example "12.5".');

const read = (text: string): Fraction => exact(text.replace(/^\+/, ""));

function currencyTools(define: Define<null>, rates: Rates): AnyTool[] {
  const { base, date } = rates;
  const codes = [base, ...Object.keys(rates.rates)];
  const code = z.string().length(3);
  return [
    define({
      verb: "exchange",
      description: `Converts an amount of money at the rates of ${date}. Knows ${codes.join(", ")}.`,
      input: z.strictObject({
        amount,
        from: code.describe('Currency of the amount, for example "USD".'),
        to: code.describe('Currency wanted, for example "EUR".'),
      }),
      effects: "none",
      run: ({ amount, from, to }) => ({ ...show(exchange(rates, read(amount), from, to)), currency: to, date }),
    }),
    define({
      verb: "rates",
      description: `Lists the rates of exchange: units of each currency for one ${base}.`,
      input: z.strictObject({}),
      effects: "none",
      run: () => rates,
    }),
  ];
}

/** Exact conversion of units, and of money at given rates. */
export function units(options: UnitsOptions = {}): Toolkit<null> {
  checkOptions("units", options, ["rates"]);
  return makeToolkit({
    id: "units",
    about: "Converts units of measurement exactly, and money at the rates that it was given.",
    state: null,
    schema: z.null(),
    tools: (define) => [
      define({
        verb: "convert",
        description:
          "Converts a value from one unit of measurement to another, exactly. Units are symbols or names, with SI prefixes, products and powers: " +
          '"km", "pound", "°F", "mi/h", "kg*m/s^2". Gallons, pints and cups are those of the US unless called imperial.',
        input: z.strictObject({
          value: amount,
          from: z.string().min(1).max(100).describe('Unit of the value, for example "mi".'),
          to: z.string().min(1).max(100).describe('Unit wanted, for example "km".'),
        }),
        effects: "none",
        run: ({ value, from, to }) => ({ ...show(convert(read(value), from, to)), unit: to }),
      }),
      define({
        verb: "list",
        description: "Lists the units that measure the same thing as a given unit, with their names.",
        input: z.strictObject({
          like: z.string().min(1).max(100).describe('A unit of the quantity, for example "psi" for pressure.'),
        }),
        effects: "none",
        run({ like }) {
          const wanted = showDimension(parseUnit(like).dimension);
          const found = UNITS.filter(({ dimension }) => showDimension(dimension) === wanted);
          if (found.length === 0) refuse(`no unit is listed for ${wanted}; compose one, such as "m/s"`);
          return { base: wanted, units: found.map(({ symbol, names }) => ({ symbol, name: names[0] ?? symbol })) };
        },
      }),
      ...(options.rates === undefined ? [] : currencyTools(define, options.rates)),
    ],
  });
}
