import { callTool, toolSet } from "@cambium/tool-learning";
import { expect, test } from "vitest";
import type { ShopState } from "./sample.ts";
import { shop } from "./tool.ts";

const start: ShopState = {
  products: [
    {
      id: "p1",
      name: "Birk rain jacket",
      category: "clothing",
      cents: 4999,
      rating: 4,
      description: "A jacket.",
      options: { size: ["S", "M"] },
      stock: 3,
    },
    {
      id: "p2",
      name: "Birk teapot",
      category: "kitchen",
      cents: 1501,
      rating: 5,
      description: "A pot.",
      options: {},
      stock: 1,
    },
  ],
  basket: [],
  orders: [],
  addresses: { home: "12 Mill Lane" },
  next: 1,
};

const open = () => shop({ start });

async function ask(kit: ReturnType<typeof shop>, verb: string, input: object = {}): Promise<unknown> {
  const outcome = await callTool(toolSet(kit).get(`shop_${verb}`)!, input as never);
  return outcome.ok ? outcome.value : outcome.failure.message;
}

test("equal choices share a line, others do not, and cents are added exactly", async () => {
  const kit = open();
  await ask(kit, "add", { id: "p1", options: { size: "m" } });
  await ask(kit, "add", { id: "p1", options: { size: "M" } });
  await ask(kit, "add", { id: "p1", options: { size: "S" } });
  expect(await ask(kit, "add", { id: "p2" })).toMatchObject({
    items: [{ quantity: 2 }, { quantity: 1 }, { name: "Birk teapot" }],
    total: 164.98,
  });
});

test("an order empties the basket and takes from the stock", async () => {
  const kit = open();
  await ask(kit, "add", { id: "p1", options: { size: "S" }, quantity: 2 });
  expect(await ask(kit, "order", { address: "home" })).toEqual({ id: "order-1", total: 99.98, to: "12 Mill Lane" });
  expect(kit.snapshot()).toMatchObject({
    basket: [],
    orders: [{ cents: 9998, items: [{ quantity: 2 }] }],
    products: [{ stock: 1 }, { stock: 1 }],
  });
  expect(await ask(kit, "order", { address: "home" })).toMatch("the basket is empty");
  expect(start.products[0]!.stock).toBe(3); // what was given stays as it was
});

test.each([
  ["add", { id: "p1" }, "choose the size of the Birk rain jacket: S, M"],
  ["add", { id: "p1", options: { size: "XL" } }, "does not come in size"],
  ["add", { id: "p1", options: { size: "S", colour: "red" } }, 'no option "colour"'],
  ["add", { id: "p1", options: { __proto__: { size: "S" } } }, "choose the size"],
  ["add", { id: "p2", quantity: 2 }, "only 1"],
  ["add", { id: "p9" }, 'no article "p9"'],
  ["search", { category: "kitchn" }, "kitchen is there"],
  ["change", { line: 1, quantity: 2 }, "has 0 lines"],
])("%s of %o is refused", async (verb, input, message) => {
  const kit = open();
  expect(await ask(kit, verb, input)).toMatch(message);
  expect(kit.snapshot()).toEqual(start);
});

test("an order to an unknown address is refused and leaves the basket as it is", async () => {
  const kit = open();
  await ask(kit, "add", { id: "p2" });
  expect(await ask(kit, "order", { address: "constructor" })).toMatch('no address "constructor"; there are home');
  expect(kit.snapshot().basket).toHaveLength(1);
});
