import { seeded } from "../random.ts";

/** An article, with the options that have to be chosen. */
export type Product = {
  id: string;
  name: string;
  category: string;
  /** In cents. */
  cents: number;
  rating: number;
  description: string;
  options: { [name: string]: string[] };
  stock: number;
};

/** Something in the basket or in an order. */
export type Item = { product: string; options: { [name: string]: string }; quantity: number };

/** An order that was placed. */
export type Order = { id: string; items: Item[]; cents: number; address: string };

/** Everything in the shop. */
export type ShopState = {
  products: Product[];
  basket: Item[];
  orders: Order[];
  addresses: { [name: string]: string };
  next: number;
};

const KINDS: readonly (readonly [
  name: string,
  category: string,
  low: number,
  high: number,
  options: Readonly<Record<string, readonly string[]>>,
])[] = [
  ["rain jacket", "clothing", 3900, 14_900, { size: ["S", "M", "L", "XL"], colour: ["navy", "olive", "red"] }],
  ["wool jumper", "clothing", 2900, 9900, { size: ["S", "M", "L"], colour: ["grey", "cream", "green"] }],
  ["running shoes", "shoes", 4900, 15_900, { size: ["38", "40", "42", "44"], colour: ["black", "white"] }],
  ["hiking boots", "shoes", 7900, 21_900, { size: ["38", "40", "42", "44"] }],
  ["backpack", "bags", 2500, 12_900, { colour: ["black", "blue", "yellow"], volume: ["20 l", "30 l"] }],
  ["water bottle", "outdoor", 900, 3900, { volume: ["0.5 l", "1 l"] }],
  ["desk lamp", "home", 1900, 8900, { colour: ["white", "black", "brass"] }],
  ["frying pan", "kitchen", 1900, 8900, { diameter: ["20 cm", "24 cm", "28 cm"] }],
  ["teapot", "kitchen", 1500, 5900, { colour: ["white", "blue"] }],
  ["notebook", "office", 300, 1900, { ruling: ["lined", "squared", "blank"] }],
];
const BRANDS = ["Alpenrose", "Birk", "Cobalt", "Dovetail", "Ember", "Fjella", "Gannet", "Heron"];
const MATERIALS = [
  "made of recycled material",
  "easy to clean",
  "with a guarantee of five years",
  "light and sturdy",
  "made by hand",
];

/** The shop of a seed: thirty articles. */
export function sampleShop(seed: number): ShopState {
  const random = seeded(seed, "shop");
  const products = KINDS.flatMap(([kind, category, low, high, options]) =>
    random.sample(BRANDS, 3).map((brand) => {
      const given = Object.entries(options).map(
        ([name, values]) => [name, random.sample(values, random.integer(2, values.length))] as const,
      );
      return {
        name: `${brand} ${kind}`,
        category,
        cents: Math.round(random.integer(low, high) / 10) * 10 - 1,
        rating: random.integer(25, 50) / 10,
        description: `A ${kind} by ${brand}, ${random.pick(MATERIALS)}.`,
        options: Object.fromEntries(
          given.map(([name, values]) => [name, [...options[name]!].filter((value) => values.includes(value))]),
        ),
        stock: random.integer(3, 20),
      };
    }),
  );
  return {
    products: products.map((product, i) => ({ id: `p${i + 1}`, ...product })),
    basket: [],
    orders: [],
    addresses: { home: "12 Mill Lane, Larkfield", office: "3 Harbour Square, Greyharbour" },
    next: 1,
  };
}
