import { type Call, makeCard, type ToolCard } from "../card.ts";
import { givesNumber, names } from "../checks.ts";
import { onlyLargest, type Random, until } from "../random.ts";
import type { FullSetup } from "../setup.ts";
import { type Item, type Product, type ShopState, sampleShop } from "./sample.ts";

interface Found {
  readonly articles: readonly {
    readonly id: string;
    readonly name: string;
    readonly price: number;
    readonly rating: number;
  }[];
}

/** Items without regard to their order and that of their options. */
const told = (items: readonly Item[]): string =>
  JSON.stringify(
    items.map(({ product, options, quantity }) => [product, quantity, Object.entries(options).sort()]).sort(),
  );

async function idOf(call: Call, name: string): Promise<string> {
  const { articles } = await call<Found>("shop_search", { query: name });
  return articles.find((article) => article.name === name)!.id;
}

const inWords = (options: Readonly<Record<string, string>>): string =>
  Object.entries(options)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");

/** Instructions for `shop` of the same seed. */
export function shopCard(setup: FullSetup, each: number): ToolCard {
  const { products } = sampleShop(setup.seed);
  const kindOf = ({ name }: Product): string => name.split(" ").slice(1).join(" ");
  const kinds = [...new Set(products.map(kindOf))];
  const ofKind = (kind: string): Product[] => products.filter((product) => kindOf(product) === kind);
  const choose = (random: Random, { options }: Product): Record<string, string> =>
    Object.fromEntries(Object.entries(options).map(([name, values]) => [name, random.pick(values)]));
  const cheapest = (list: readonly Product[]): Product | undefined => onlyLargest(list, ({ cents }) => -cents);
  const isEmpty = ({ basket, orders }: ShopState): boolean => basket.length === 0 && orders.length === 0;

  return makeCard("shop", setup, each, {
    price(random) {
      const product = random.pick(products);
      const instruction = `What does the ${product.name} cost in euros?`;
      return {
        instruction,
        async expert(call) {
          const { articles } = await call<Found>("shop_search", { query: product.name });
          return `It costs ${articles.find(({ name }) => name === product.name)!.price} euros.`;
        },
        succeeds: ({ answer, state }) =>
          givesNumber(answer, product.cents / 100, { instruction }) && isEmpty(state as ShopState),
      };
    },
    best(random) {
      const category = until(
        () => random.pick(products).category,
        (category) =>
          onlyLargest(
            products.filter((product) => product.category === category),
            ({ rating }) => rating,
          ) !== undefined,
      );
      const among = products.filter((product) => product.category === category);
      return {
        instruction: `Which article of the category ${category} is rated best?`,
        async expert(call) {
          const { articles } = await call<Found>("shop_search", { category, sort: "rating" });
          return `The ${articles[0]!.name}.`;
        },
        succeeds: ({ answer, state }) =>
          names(
            answer,
            [onlyLargest(among, ({ rating }) => rating)!.name],
            among.map(({ name }) => name),
          ) && isEmpty(state as ShopState),
      };
    },
    basket(random) {
      const product = random.pick(products);
      const [options, quantity] = [choose(random, product), random.integer(1, 3)];
      return {
        instruction: `Put ${quantity} of the ${product.name} into my basket (${inWords(options)}). Do not order yet.`,
        async expert(call) {
          await call("shop_add", { id: await idOf(call, product.name), options, quantity });
          return "It is in the basket.";
        },
        succeeds: ({ state }) => {
          const { basket, orders } = state as ShopState;
          return orders.length === 0 && told(basket) === told([{ product: product.id, options, quantity }]);
        },
      };
    },
    order(random) {
      const [first, second] = random.sample(products, 2) as [Product, Product];
      const items = [first, second].map((product) => ({ product, options: choose(random, product) }));
      const address = random.pick(["home", "office"]);
      return {
        instruction: `Order the ${first.name} (${inWords(items[0]!.options)}) and the ${second.name} (${inWords(items[1]!.options)}), one of each, to my ${address} address.`,
        async expert(call) {
          for (const { product, options } of items)
            await call("shop_add", { id: await idOf(call, product.name), options });
          const { id, total } = await call<{ id: string; total: number }>("shop_order", { address });
          return `Ordered as ${id} for ${total} euros.`;
        },
        succeeds: ({ state }) => {
          const { basket, orders } = state as ShopState;
          const wanted = items.map(({ product, options }) => ({ product: product.id, options, quantity: 1 }));
          return (
            basket.length === 0 &&
            orders.length === 1 &&
            orders[0]!.address === address &&
            told(orders[0]!.items) === told(wanted)
          );
        },
      };
    },
    cheapest(random) {
      const kind = until(
        () => random.pick(kinds),
        (kind) => cheapest(ofKind(kind)) !== undefined,
      );
      const product = cheapest(ofKind(kind))!;
      const options = choose(random, product);
      return {
        instruction: `Order the cheapest ${kind} to my home address${Object.keys(options).length === 0 ? "" : ` (${inWords(options)})`}.`,
        async expert(call) {
          const { articles } = await call<Found>("shop_search", { query: kind, sort: "price" });
          await call("shop_add", { id: articles[0]!.id, options });
          await call("shop_order", { address: "home" });
          return `The ${articles[0]!.name} is ordered.`;
        },
        succeeds: ({ state }) => {
          const { basket, orders } = state as ShopState;
          return (
            basket.length === 0 &&
            orders.length === 1 &&
            orders[0]!.address === "home" &&
            told(orders[0]!.items) === told([{ product: product.id, options, quantity: 1 }])
          );
        },
      };
    },
  });
}
