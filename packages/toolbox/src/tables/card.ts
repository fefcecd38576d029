import { makeCard, type TaskKind, type TaskParts, type ToolCard } from "../card.ts";
import { givesNumber, names } from "../checks.ts";
import type { FullSetup } from "../setup.ts";
import type { QueryResult } from "./database.ts";
import { CATEGORIES, CITIES, STATUSES, sampleTables } from "./sample.ts";

type Customer = readonly [id: number, name: string, city: string, since: number];
type Product = readonly [id: number, name: string, category: string, price: number];
type Order = readonly [id: number, customer: number, product: number, quantity: number, day: string, status: string];

const MONTHS = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];
const JOIN = "FROM orders o JOIN customers c ON c.id = o.customer_id JOIN products p ON p.id = o.product_id";

function asksNumber(instruction: string, sql: string, expected: number, tolerance?: number): TaskParts {
  return {
    instruction,
    expert: async (call) => `The answer is ${(await call<QueryResult>("tables_query", { sql })).rows[0]![0]}.`,
    succeeds: ({ answer }) =>
      givesNumber(answer, expected, { instruction, ...(tolerance === undefined ? {} : { tolerance }) }),
  };
}

function kinds(seed: number): Readonly<Record<string, TaskKind>> {
  const [customers, products, orders] = sampleTables(seed).map(({ rows }) => rows) as unknown as [
    Customer[],
    Product[],
    Order[],
  ];
  const cents = ([, , product, quantity]: Order): number => Math.round(products[product - 1]![3] * 100) * quantity;
  const top = <Key>(entries: ReadonlyMap<Key, number>): Key | undefined => {
    const [first, second] = [...entries].sort((a, b) => b[1] - a[1]);
    return first !== undefined && first[1] > (second?.[1] ?? 0) ? first[0] : undefined;
  };
  const sums = <Key>(
    list: readonly Order[],
    key: (order: Order) => Key,
    value: (order: Order) => number,
  ): Map<Key, number> => {
    const found = new Map<Key, number>();
    for (const order of list) found.set(key(order), (found.get(key(order)) ?? 0) + value(order));
    return found;
  };
  return {
    count(random) {
      const [city, status] = [random.pick(CITIES), random.pick(STATUSES)];
      const expected = orders.filter((order) => order[5] === status && customers[order[1] - 1]![2] === city).length;
      return asksNumber(
        `How many ${status} orders come from customers in ${city}?`,
        `SELECT count(*) ${JOIN} WHERE o.status = '${status}' AND c.city = '${city}'`,
        expected,
      );
    },
    revenue(random) {
      const [category, month] = [random.pick(CATEGORIES), random.integer(1, 12)];
      const prefix = `2025-${String(month).padStart(2, "0")}`;
      const expected = orders
        .filter(
          (order) => order[5] === "paid" && order[4].startsWith(prefix) && products[order[2] - 1]![2] === category,
        )
        .reduce((sum, order) => sum + cents(order), 0);
      return asksNumber(
        `What did paid orders of ${category} in ${MONTHS[month - 1]} 2025 bring in, price times quantity, to two decimal places?`,
        `SELECT round(coalesce(sum(p.price * o.quantity), 0), 2) ${JOIN} WHERE o.status = 'paid' AND p.category = '${category}' AND o.ordered_on LIKE '${prefix}%'`,
        expected / 100,
        0.001,
      );
    },
    average(random) {
      const category = random.pick(CATEGORIES);
      const prices = products.filter((product) => product[2] === category).map((product) => product[3]);
      return asksNumber(
        `What do ${category} cost on average, over the products and not the orders, rounded to two decimal places?`,
        `SELECT round(avg(price), 2) FROM products WHERE category = '${category}'`,
        prices.reduce((a, b) => a + b, 0) / prices.length,
        0.0051,
      );
    },
    best(random) {
      const months = MONTHS.map((_, i) => i + 1).filter(
        (month) =>
          top(
            sums(
              orders.filter(({ 4: day, 5: status }) => status !== "cancelled" && Number(day.slice(5, 7)) === month),
              (order) => order[2],
              (order) => order[3],
            ),
          ) !== undefined,
      );
      const month = random.pick(months);
      const prefix = `2025-${String(month).padStart(2, "0")}`;
      const counted = orders.filter((order) => order[5] !== "cancelled" && order[4].startsWith(prefix));
      const best =
        products[
          top(
            sums(
              counted,
              (order) => order[2],
              (order) => order[3],
            ),
          )! - 1
        ]![1];
      return {
        instruction: `Of which product were the most pieces ordered in ${MONTHS[month - 1]} 2025, without cancelled orders?`,
        async expert(call) {
          const sql = `SELECT p.name ${JOIN} WHERE o.status <> 'cancelled' AND o.ordered_on LIKE '${prefix}%' GROUP BY p.id ORDER BY sum(o.quantity) DESC LIMIT 1`;
          return `It is the ${(await call<QueryResult>("tables_query", { sql })).rows[0]![0]}.`;
        },
        succeeds: ({ answer }) =>
          names(
            answer,
            [best],
            products.map(([, name]) => name),
          ),
      };
    },
    loyal(random) {
      const cities = CITIES.filter((city) => customers.some((customer) => customer[2] === city));
      const city = random.pick(cities);
      const here = customers.filter((customer) => customer[2] === city);
      const first = Math.min(...here.map(([, , , since]) => since));
      const oldest = here.filter(([, , , since]) => since === first).map(([, name]) => name);
      return {
        instruction: `Who has been a customer for the longest time among those in ${city}? Name all if several began in the same year.`,
        async expert(call) {
          const sql = `SELECT name FROM customers WHERE city = '${city}' AND since = (SELECT min(since) FROM customers WHERE city = '${city}')`;
          return (await call<QueryResult>("tables_query", { sql })).rows.map(([name]) => name).join(", ");
        },
        succeeds: ({ answer }) =>
          names(
            answer,
            oldest,
            customers.map(([, name]) => name),
          ),
      };
    },
  };
}

/** Instructions for `tables` with the sample of the same seed. */
export function tablesCard(setup: FullSetup, each: number): ToolCard {
  return makeCard("tables", setup, each, kinds(setup.seed));
}
