import { result } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import { head, lora } from "@cambium/delta";
import { expectClose } from "@cambium/models/testing";
import { sgd, train } from "@cambium/train";
import { tidy } from "@tensorflow/tfjs-core";
import { afterAll, expect, test } from "vitest";
import { first, tinyData, tinyRows, trained, tunedOn } from "../versions.fixture.ts";
import { updateRobust } from "./update-robust.ts";

const base = first();
const tuned = tunedOn(base, trained(lora(base, { rank: 2 }, random(1))), trained(head(base)));
afterAll(() => {
  for (const { parameters } of [base, tuned]) disposeParameters(parameters);
});

type Options = Parameters<typeof updateRobust>[1];

/** Losses of one batch, of so many draws. */
async function losses(options: Options | undefined, training: boolean, draws: number): Promise<number[]> {
  const objective = options === undefined ? tuned : updateRobust(tuned, options);
  for await (const { batch } of tinyData(tinyRows(6), { size: 6, shuffled: false }).epoch(0)) {
    const found = Array.from({ length: draws }, (_, i) =>
      tidy(() => objective.loss(tuned.parameters, batch as never, { training, random: random(i) }).dataSync()[0]!),
    );
    for (const tensor of Object.values(batch)) tensor?.dispose();
    return found;
  }
  return [];
}

const ways: readonly [string, Options][] = [
  ["masked units", { mask: 0.3 }],
  ["dropped layers", { mask: 0, drop: 0.4 }],
  ["noise", { mask: 0, noise: 0.5 }],
  ["all of them", { mask: 0.1, drop: 0.1, noise: 0.1 }],
];

test.each(ways)(
  "%s change the loss while it trains, by other draws in other ways, and evaluation not at all",
  async (_, options) => {
    const plain = await losses(undefined, true, 1);
    const [one, other] = (await losses(options, true, 2)) as [number, number];
    expect(Math.abs(one - plain[0]!)).toBeGreaterThan(1e-4);
    expect(Math.abs(one - other)).toBeGreaterThan(1e-4);
    expect((await losses(options, true, 1))[0]).toBe(one);
    expectClose(await losses(options, false, 1), await losses(undefined, false, 1), { absolute: 1e-7 });
  },
);

test("what is left counts more, so that a hardly masked model is hardly another", async () => {
  const [plain] = await losses(undefined, true, 1);
  const found = await losses({ mask: 0.01, drop: 0.01, noise: 0.01 }, true, 16);
  const mean = found.reduce((sum, loss) => sum + loss, 0) / found.length;
  expect(Math.abs(mean - plain!)).toBeLessThan(0.05); // a draw is off by some 0.02
});

test("it is trained to parameters of the tuned model, and its checkpoints are of no other setting", async () => {
  const run = train(updateRobust(tuned, { mask: 0.2 }) as never, tinyData(tinyRows(8)), {
    optimiser: sgd({ learningRate: 0.1 }),
    steps: 2,
    random: random(1),
  });
  const { parameters } = await result(run);
  expect([...parameters.keys()]).toEqual([...tuned.parameters.keys()]);
  disposeParameters(parameters);
  const about = await Promise.all([0.1, 0.2].map((mask) => updateRobust(tuned, { mask }).describe!()));
  expect(about[0]).not.toEqual(about[1]);
});

test.each<[string, Options, string]>([
  ["all units", { mask: 1 }, "mask"],
  ["a negative share", { drop: -0.1 }, "drop"],
  ["nothing", { mask: 0 }, "nothing would be different"],
  ["an unknown setting", { masked: 0.1 } as never, 'is "mask" meant?'],
])("%s is wrong use", (_, options, message) => {
  expect(() => updateRobust(tuned, options)).toThrow(message);
});

test("a model without a head has no loss", () => {
  const { loss: _, head: __, ...body } = base;
  const bare = tunedOn(body, lora(body, { rank: 2 }, random(1)));
  expect(() => updateRobust(bare)).toThrow("no head");
  disposeParameters(bare.parameters);
});
