import { seeded } from "../random.ts";
import type { Table } from "./database.ts";
import { tableOf } from "./read-tables.ts";

const FIRST = ["Ada", "Bruno", "Chen", "Dana", "Elif", "Femi", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Liam"];
const LAST = ["Abel", "Brandt", "Costa", "Diaz", "Engel", "Fischer", "Gruber", "Haas", "Ivanov", "Jensen"];
export const CITIES: readonly string[] = ["Bremen", "Kiel", "Leipzig", "Mainz", "Ulm"];
export const CATEGORIES: readonly string[] = ["lamps", "chairs", "tables", "rugs"];
const WORDS = ["Nora", "Fjord", "Alba", "Linden", "Harbour", "Quill", "Maple", "Orbit"];
export const STATUSES: readonly string[] = ["paid", "open", "cancelled"];

/** A small furniture shop's customers, products and orders, made up from a seed. */
export function sampleTables(seed: number): Table[] {
  const random = seeded(seed, "tables");
  const customers = random
    .sample(
      FIRST.flatMap((first) => LAST.map((last) => `${first} ${last}`)),
      24,
    )
    .map((name, i) => [i + 1, name, random.pick(CITIES), random.integer(2012, 2025)]);
  const products = random
    .sample(
      CATEGORIES.flatMap((category) => WORDS.map((word) => [word, category] as const)),
      16,
    )
    .map(([word, category], i) => [
      i + 1,
      `${word} ${category.slice(0, -1)}`,
      category,
      random.integer(900, 64_900) / 100,
    ]);
  const day = (): string => new Date(Date.UTC(2025, 0, 1 + random.integer(0, 364))).toISOString().slice(0, 10);
  const orders = Array.from({ length: 160 }, (_, i) => [
    i + 1,
    random.integer(1, 24),
    random.integer(1, 16),
    random.integer(1, 5),
    day(),
    random.pick(STATUSES),
  ]);
  return [
    tableOf("customers", ["id", "name", "city", "since"], customers),
    tableOf("products", ["id", "name", "category", "price"], products),
    tableOf("orders", ["id", "customer_id", "product_id", "quantity", "ordered_on", "status"], orders),
  ];
}
