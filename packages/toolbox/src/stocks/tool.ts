import * as z from "zod";
import { makeToolkit, type Toolkit } from "../toolkit.ts";
import { type WorldOptions, worldOf } from "../world/world.ts";

const symbol = z.string().min(1).max(10).describe('The symbol of the share, for example "OAK".');
const date = z.string().max(10);

/** Share prices of a simulated market, asked for over HTTP on this machine. */
export function stocks(options: WorldOptions = {}): Toolkit<null> {
  const { world, close } = worldOf("stocks", options);
  return makeToolkit({
    id: "stocks",
    about: "Tells the prices of shares, today's and earlier ones.",
    state: null,
    schema: z.null(),
    close,
    tools: (define) => [
      define({
        verb: "list",
        description:
          "Lists the companies with the symbols of their shares, their sectors, and their shares in millions.",
        input: z.strictObject({}),
        effects: "reads",
        run: (_, __, { signal }) => world.get("/stocks/list", {}, signal),
      }),
      define({
        verb: "quote",
        description:
          "Tells the prices of a share in EUR on a day of trade: open, high, low, close, volume, and the change of the close since the day of trade before. For a day without trade, the last one before it.",
        input: z.strictObject({
          symbol,
          date: date.optional().describe('The day, for example "2026-02-27". @default the last day of trade'),
        }),
        effects: "reads",
        run: ({ symbol, date }, _, { signal }) => world.get("/stocks/quote", { symbol, date }, signal),
      }),
      define({
        verb: "history",
        description:
          "Lists the prices of a share on each day of trade from one day to another, both included, at most 100 days.",
        input: z.strictObject({
          symbol,
          from: date.describe("First day."),
          to: date.optional().describe("Last day. @default today"),
        }),
        effects: "reads",
        run: ({ symbol, from, to }, _, { signal }) => world.get("/stocks/history", { symbol, from, to }, signal),
      }),
    ],
  });
}
