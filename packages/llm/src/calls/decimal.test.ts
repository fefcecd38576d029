import { expect, test } from "vitest";
import { ask, testModels } from "../open-models.fixture.ts";
import { scripted } from "../sources/scripted.ts";
import { sumOfProducts, toDecimal } from "./decimal.ts";

test.each([
  [0.1, 1n, 1],
  [0, 0n, 0],
  [1e-7, 1n, 7],
  [1.5e-9, 15n, 10],
  [1e21, 10n ** 21n, 0],
  [1.25e22, 125n * 10n ** 20n, 0],
  [123.45, 12345n, 2],
])("%f is a decimal", (value, digits, scale) => {
  expect(toDecimal(value)).toEqual({ digits, scale });
});

test("sums of products are exact", () => {
  expect(
    sumOfProducts(
      [
        [toDecimal(0.1), 3],
        [toDecimal(0.25), 2],
      ],
      9,
    ),
  ).toBe(800_000_000n);
  expect(sumOfProducts([[toDecimal(0.0375), 1]], 3)).toBe(37n);
});

/** A model whose every call takes as many tokens each way, known before. */
const source = (tokens: number) => ({
  ...scripted(() => ({ text: "x", usage: { inputTokens: tokens, outputTokens: tokens } })),
  model: "m",
  free: false,
  countTokens: () => tokens,
});

// With binary fractions each of these calls costs a billionth of a dollar too much, and one call fewer fits.
test.each([
  [0.07, 0.28, 100, 30],
  [0.1, 0.4, 7, 12],
  [1.1, 4.4, 1001, 30],
  [2.2, 8.8, 7, 5],
  [50, 50, 1000, 30],
])(
  "at $%f and $%f a budget of exactly the price of the calls allows each of them",
  async (input, output, tokens, count) => {
    const usd =
      Number(
        sumOfProducts(
          [
            [toDecimal(input), tokens],
            [toDecimal(output), tokens],
          ],
          3,
        ) * BigInt(count),
      ) / 1e9;
    const model = source(tokens);
    const llm = await testModels({ budget: { usd }, prices: { m: { input, output } } });
    const call = (sample: number) => llm.model(model).outcome({ ...ask("?"), maxTokens: tokens, sample });
    for (let sample = 0; sample < count; sample++) expect(await call(sample)).toMatchObject({ ok: true });
    expect((await llm.spent()).usd).toBe(usd);
    expect(await call(count)).toMatchObject({ ok: false, error: { code: "BUDGET_EXCEEDED" } });
  },
);

test("a model that is called like a property of every object has no price unless it is given one", async () => {
  const llm = await testModels({ budget: { usd: 1 }, prices: {} });
  const outcome = await llm.model({ ...source(1), model: "constructor" }).outcome(ask("?"));
  expect(outcome).toMatchObject({ ok: false, error: { code: "CONFIG" } });
});
