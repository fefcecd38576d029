import { checkOptions, nearest } from "@cambium/base";
import type { AnyTool } from "@cambium/tool-learning";
import * as z from "zod";
import { refuse } from "../refuse.ts";
import { fullSetup, type Setup } from "../setup.ts";
import { type Define, makeToolkit, type Toolkit } from "../toolkit.ts";
import { type Item, type Product, type ShopState, sampleShop } from "./sample.ts";

/** Options of `shop`. */
export interface ShopOptions extends Pick<Setup, "seed"> {
  /** The shop at the start. @default made up from the seed */
  readonly start?: ShopState;
}

const MOST_SHOWN = 20;
const MOST_ITEMS = 50;

const texts = z.record(z.string(), z.string());
const itemSchema = z.strictObject({ product: z.string(), options: texts, quantity: z.int().min(1).max(99) });
const stateSchema = z.strictObject({
  products: z.array(
    z.strictObject({
      id: z.string(),
      name: z.string(),
      category: z.string(),
      cents: z.int().min(0),
      rating: z.number(),
      description: z.string(),
      options: z.record(z.string(), z.array(z.string())),
      stock: z.int().min(0),
    }),
  ),
  basket: z.array(itemSchema).max(MOST_ITEMS),
  orders: z.array(z.strictObject({ id: z.string(), items: z.array(itemSchema), cents: z.int(), address: z.string() })),
  addresses: texts,
  next: z.int(),
});

const euros = (cents: number): number => cents / 100;
const brief = ({ id, name, category, cents, rating, stock }: Product): object => ({
  id,
  name,
  category,
  price: euros(cents),
  rating,
  stock,
});

function productOf({ products }: ShopState, id: string): Product {
  return products.find((product) => product.id === id) ?? refuse(`no article "${id}"; search for it first`);
}

/** What an item is to be paid. */
const centsOf = (state: ShopState, { product, quantity }: Item): number => productOf(state, product).cents * quantity;
const total = (state: ShopState): number => state.basket.reduce((sum, item) => sum + centsOf(state, item), 0);

const basketOf = (state: ShopState): object => ({
  items: state.basket.map((item, i) => ({
    line: i + 1,
    ...item,
    name: productOf(state, item.product).name,
    price: euros(centsOf(state, item)),
  })),
  total: euros(total(state)),
});

/** The options as the article names them; every one has to be chosen. */
function chosen({ name, options }: Product, given: Readonly<Record<string, string>>): Record<string, string> {
  const unknown = Object.keys(given).find((key) => !Object.hasOwn(options, key));
  if (unknown !== undefined)
    refuse(`the ${name} has no option "${unknown}"; it has ${Object.keys(options).join(", ")}`);
  return Object.fromEntries(
    Object.entries(options).map(([key, values]) => {
      const value = given[key] ?? refuse(`choose the ${key} of the ${name}: ${values.join(", ")}`);
      const found = values.find((other) => other.toLowerCase() === value.toLowerCase());
      return [key, found ?? refuse(`the ${name} does not come in ${key} "${value}"; there are ${values.join(", ")}`)];
    }),
  );
}

function browsing(define: Define<ShopState>): AnyTool[] {
  return [
    define({
      verb: "search",
      description: `Finds articles: all words of the query in their name or description, and what else is given. At most ${MOST_SHOWN} are shown. Prices are in EUR.`,
      input: z.strictObject({
        query: z.string().max(100).optional(),
        category: z.string().max(40).optional(),
        maxPrice: z.number().min(0).optional().describe("In EUR."),
        minRating: z.number().min(0).max(5).optional(),
        sort: z
          .enum(["price", "rating"])
          .optional()
          .describe("Cheapest first, or best rated first. @default in the shop's order"),
      }),
      effects: "reads",
      run({ query = "", category, maxPrice = Number.POSITIVE_INFINITY, minRating = 0, sort }, { products }) {
        const categories = [...new Set(products.map((product) => product.category))];
        if (category !== undefined && !categories.includes(category.toLowerCase()))
          refuse(`no category "${category}"; ${nearest(category, categories) ?? categories.join(", ")} is there`);
        const words = query.toLowerCase().split(/\s+/).filter(Boolean);
        const found = products
          .filter((product) =>
            words.every((word) => `${product.name} ${product.description}`.toLowerCase().includes(word)),
          )
          .filter(
            (product) =>
              (category === undefined || product.category === category.toLowerCase()) &&
              euros(product.cents) <= maxPrice &&
              product.rating >= minRating,
          );
        if (sort === "price") found.sort((a, b) => a.cents - b.cents);
        if (sort === "rating") found.sort((a, b) => b.rating - a.rating);
        return { count: found.length, articles: found.slice(0, MOST_SHOWN).map(brief) };
      },
    }),
    define({
      verb: "article",
      description: "Shows an article with its description and the options that have to be chosen.",
      input: z.strictObject({ id: z.string().max(20) }),
      effects: "reads",
      run({ id }, state) {
        const product = productOf(state, id);
        return { ...brief(product), description: product.description, options: product.options };
      },
    }),
    define({
      verb: "basket",
      description: "Shows the basket with its lines and the total in EUR, and the addresses that orders can go to.",
      input: z.strictObject({}),
      effects: "reads",
      run: (_, state) => ({ ...basketOf(state), addresses: state.addresses }),
    }),
    define({
      verb: "orders",
      description: "Lists the orders that were placed.",
      input: z.strictObject({}),
      effects: "reads",
      run: (_, { orders }) => orders.map(({ cents, ...order }) => ({ ...order, total: euros(cents) })),
    }),
  ];
}

function buying(define: Define<ShopState>): AnyTool[] {
  return [
    define({
      verb: "add",
      description: "Puts an article into the basket. All its options have to be chosen.",
      input: z.strictObject({
        id: z.string().max(20),
        options: texts.optional().describe('The chosen options, for example {"size": "M", "colour": "navy"}.'),
        quantity: z.int().min(1).max(99).optional().describe("@default 1"),
      }),
      effects: "writes",
      run({ id, options = {}, quantity = 1 }, state) {
        const product = productOf(state, id);
        const choice = chosen(product, options);
        const inBasket = state.basket
          .filter((item) => item.product === id)
          .reduce((sum, item) => sum + item.quantity, 0);
        if (inBasket + quantity > product.stock)
          refuse(`only ${product.stock} of the ${product.name} are there, and ${inBasket} are in the basket`);
        const same = state.basket.find(
          (item) => item.product === id && Object.entries(choice).every(([key, value]) => item.options[key] === value),
        );
        if (same !== undefined) same.quantity += quantity;
        else if (state.basket.length >= MOST_ITEMS) refuse(`the basket has ${MOST_ITEMS} lines and is full`);
        else state.basket.push({ product: id, options: choice, quantity });
        return basketOf(state);
      },
    }),
    define({
      verb: "change",
      description: "Changes how many of a line of the basket are wanted; 0 takes the line out.",
      input: z.strictObject({ line: z.int().min(1), quantity: z.int().min(0).max(99) }),
      effects: "writes",
      run({ line, quantity }, state) {
        const item = state.basket[line - 1] ?? refuse(`the basket has ${state.basket.length} lines`);
        const { stock, name } = productOf(state, item.product);
        const others = state.basket
          .filter((other) => other !== item && other.product === item.product)
          .reduce((sum, other) => sum + other.quantity, 0);
        if (quantity + others > stock) refuse(`only ${stock} of the ${name} are there`);
        if (quantity === 0) state.basket.splice(line - 1, 1);
        else item.quantity = quantity;
        return basketOf(state);
      },
    }),
    define({
      verb: "order",
      description:
        "Orders what is in the basket, to one of the known addresses. It is paid at once and cannot be taken back.",
      input: z.strictObject({ address: z.string().max(40).describe('Name of the address, for example "home".') }),
      effects: "destroys",
      run({ address }, state) {
        if (state.basket.length === 0) refuse("the basket is empty");
        if (!Object.hasOwn(state.addresses, address))
          refuse(`no address "${address}"; there are ${Object.keys(state.addresses).join(", ")}`);
        const order = { id: `order-${state.next++}`, items: state.basket, cents: total(state), address };
        for (const { product, quantity } of order.items) productOf(state, product).stock -= quantity;
        state.orders.push(order);
        state.basket = [];
        return { id: order.id, total: euros(order.cents), to: state.addresses[address]! };
      },
    }),
  ];
}

/** A simulated shop: articles with options, a basket, and orders. Nothing is bought. */
export function shop(options: ShopOptions = {}): Toolkit<ShopState> {
  checkOptions("shop", options, ["seed", "start"]);
  const { start, ...given } = options;
  const { seed } = fullSetup("shop", given);
  return makeToolkit<ShopState>({
    id: "shop",
    about: "Finds articles in a shop, and orders them.",
    state: structuredClone(start) ?? sampleShop(seed),
    schema: stateSchema,
    tools: (define) => [...browsing(define), ...buying(define)],
  });
}
