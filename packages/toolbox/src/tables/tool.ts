import { ConfigError, checkOptions, nearest } from "@cambium/base";
import type { AnyTool } from "@cambium/tool-learning";
import * as z from "zod";
import { refuse } from "../refuse.ts";
import { fullSetup, type Setup } from "../setup.ts";
import { type Define, makeToolkit, type Toolkit } from "../toolkit.ts";
import { type SqlThread, sqlThread, type Table } from "./database.ts";
import { sampleTables } from "./sample.ts";

/** What the tables' state is. */
export type TablesState = { tables: Table[] };

/** Options of `tables`. */
export interface TablesOptions extends Pick<Setup, "seed"> {
  /** The tables, from `readTables`, `tableFromCsv` or `tableFromJson`. @default a made-up shop */
  readonly tables?: readonly Table[];
  /** Whether there is a tool that changes them. @default false */
  readonly writable?: boolean;
  /** Longest time for one statement, in ms. @default 5000 */
  readonly wallMs?: number;
}

const MOST_ROWS = 100_000;
const MOST_SHOWN = 200;

const cell = z.union([z.string(), z.number(), z.null()]);
const stateSchema = z.strictObject({
  tables: z.array(
    z.strictObject({
      name: z.string(),
      sql: z.string(),
      columns: z.array(z.strictObject({ name: z.string(), type: z.string() })),
      rows: z.array(z.array(cell)).max(MOST_ROWS),
    }),
  ),
});

const sql = z.string().min(1).max(10_000);

function readTools(define: Define<TablesState>, thread: SqlThread): AnyTool[] {
  return [
    define({
      verb: "list",
      description: "Lists the tables with their columns, types, numbers of rows, and one row as an example.",
      input: z.strictObject({}),
      effects: "reads",
      run: (_, { tables }) =>
        tables.map(({ name, columns, rows }) => ({
          name,
          columns: columns.map(({ name, type }) => `${name} ${type}`),
          rows: rows.length,
          example: rows[0] ?? null,
        })),
    }),
    define({
      verb: "values",
      description:
        "Lists the different values of a column with how often each comes, the most frequent first, at most 50.",
      input: z.strictObject({ table: z.string().max(64), column: z.string().max(64) }),
      effects: "reads",
      run({ table, column }, { tables }) {
        const find = <Item extends { readonly name: string }>(
          what: string,
          list: readonly Item[],
          name: string,
        ): Item => {
          const found = list.find((item) => item.name.toLowerCase() === name.toLowerCase());
          const known = list.map((item) => item.name);
          return found ?? refuse(`no ${what} "${name}"; ${nearest(name, known) ?? known.join(", ")} is there`);
        };
        const { columns, rows } = find("table", tables, table);
        const at = columns.indexOf(find("column", columns, column));
        const counts = new Map<string | number | null, number>();
        for (const row of rows) counts.set(row[at]!, (counts.get(row[at]!) ?? 0) + 1);
        const sorted = [...counts].sort((a, b) => b[1] - a[1]);
        return { different: sorted.length, values: sorted.slice(0, 50).map(([value, count]) => ({ value, count })) };
      },
    }),
    define({
      verb: "query",
      description: `Runs one SELECT statement of SQLite over the tables and returns its rows, at most ${MOST_SHOWN}. It changes nothing. Dates are text such as "2025-03-31".`,
      input: z.strictObject({
        sql: sql.describe('One statement, for example "SELECT city, count(*) FROM customers GROUP BY city".'),
      }),
      effects: "reads",
      run: ({ sql }, { tables }, { signal }) => thread.read(tables, sql, MOST_SHOWN, signal),
    }),
  ];
}

/**
 * SQL over tables from CSV or JSON. Statements run in SQLite compiled to WebAssembly, in a thread that has no files and is
 * ended when a statement takes too long; they can only read unless `writable` says otherwise.
 *
 * The optional package `sql.js` has to be installed.
 */
export function tables(options: TablesOptions = {}): Toolkit<TablesState> {
  checkOptions("tables", options, ["seed", "tables", "writable", "wallMs"]);
  const { writable = false, wallMs = 5000 } = options;
  const { seed } = fullSetup("tables", options.seed === undefined ? {} : { seed: options.seed });
  if (!(wallMs > 0 && wallMs <= 600_000))
    throw new ConfigError({ message: `tables: wallMs must be from 1 to 600000 ms, got ${wallMs}` });
  const all = options.tables ?? sampleTables(seed);
  const names = all.map(({ name }) => name.toLowerCase());
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) throw new ConfigError({ message: `tables: two tables are called "${repeated}"` });
  const thread = sqlThread(wallMs);
  return makeToolkit<TablesState>({
    id: "tables",
    about: "Answers questions about tables by SQL.",
    state: { tables: [...all] },
    schema: stateSchema,
    tools: (define) => [
      ...readTools(define, thread),
      ...(writable
        ? [
            define({
              verb: "change",
              description:
                "Runs one INSERT, UPDATE, DELETE, or CREATE, ALTER or DROP TABLE statement of SQLite. Returns how many rows it changed.",
              input: z.strictObject({ sql }),
              effects: "destroys",
              async run({ sql }, state, { signal }) {
                const { changed, tables } = await thread.change(state.tables, sql, MOST_ROWS, signal);
                state.tables = tables;
                return { changed };
              },
            }),
          ]
        : []),
    ],
    close: () => thread.close(),
  });
}
