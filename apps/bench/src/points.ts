/** `pnpm bench:points`: what a model at a point of a path costs beside the model itself, a landscape beside its forward passes, and how both grow. */
import { result } from "@cambium/base";
import { createEvaluator, line, mergePoints, runLandscape, runPath } from "@cambium/connectivity";
import { compile, disposeParameters, type Objective, type Parameters, random } from "@cambium/core";
import type { TokenBatch } from "@cambium/models";
import { batches } from "@cambium/train";
import { type Scalar, tidy } from "@tensorflow/tfjs-core";
import { chooseBackend } from "./choose-backend.ts";
import { parseFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";
import { trainable } from "./objectives.ts";
import { selectNames } from "./opponents.ts";
import { exponent, measureGrowth, timed } from "./points-growth.ts";
import { spreadOf } from "./processes.ts";
import { type Method, parseSize } from "./sizes.ts";

const HELP = `usage: pnpm bench:points [options]

Prints JSON lines: the machine; passes at points of a line over passes of the model itself, for a LoRA and for all weights; a landscape over as
many passes; and the exponents at which paths grow with points, combinations with parameters, and merges with models.

  --size SIZE     layers and width of the model (default 6x384, MiniLM's)
  --rounds N      pairs of passes (default 15)
  --batch N       rows of a batch (default 8)
  --seq N         tokens of a row (default 64)
  --batches N     of each pass (default 4)
  --grid N        values of each coordinate of the landscape (default 25)
  --only TEXTS    of the parts "lora" (with the landscape), "full" and "growth"
`;

const { values } = parseFlags({
  options: {
    size: { type: "string", default: "6x384" },
    rounds: { type: "string", default: "15" },
    batch: { type: "string", default: "8" },
    seq: { type: "string", default: "64" },
    batches: { type: "string", default: "4" },
    grid: { type: "string", default: "25" },
    only: { type: "string", default: "" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const size = parseSize(values.size);
const [rounds, batch, seq] = [Number(values.rounds), Number(values.batch), Number(values.seq)];
const [count, grid] = [Number(values.batches), Number(values.grid)];

const say = (row: string, about: object): void => console.log(JSON.stringify({ bench: "points", row, ...about }));

/** A small direction in the space of a point. */
const direction = (point: Parameters, seed: number): Parameters =>
  new Map([...point].map(([name, { shape }]) => [name, random(seed).at(name).normal(shape, 0, 0.01)]));

/** A model, its data, and one pass of the model as it is: the mean of its batches' losses. */
function open(method: Method) {
  const { objective, batch: make } = trainable(size, method, 0) as {
    readonly objective: Objective<TokenBatch>;
    batch(rows: number, seq: number): TokenBatch;
  };
  const rows = Array.from({ length: batch * count }, (_, i) => i);
  const data = batches(rows, () => make(batch, seq), { size: batch });
  const made = Array.from({ length: count }, () => make(batch, seq));
  const context = { random: random(0), training: false };
  const forward = compile((each: TokenBatch) =>
    tidy(() => objective.loss(objective.parameters, each, context) as Scalar),
  );
  const plain = async (): Promise<void> => {
    for (const each of made) {
      const loss = forward(each);
      await loss.data();
      loss.dispose();
    }
  };
  return { objective, data, plain };
}

await chooseBackend("onnx");
console.log(JSON.stringify(describeMachine("points")));
const parts = selectNames(["lora", "full", "growth"], values.only);
for (const method of (["lora", "full"] as const).filter((name) => parts.includes(name))) {
  const { objective, data, plain } = open(method);
  const point = objective.parameters;
  const [across, up] = [direction(point, 1), direction(point, 2)];
  const other = await mergePoints([point, across], { normalise: false });
  const path = line(point, other);
  const evaluator = await createEvaluator(objective, data);
  const at = async (t: number): Promise<void> => {
    const here = path.at(t);
    await evaluator.measure(here);
    disposeParameters(here);
  };
  for (let i = 0; i < 4; i++) await at(i / 8); // traced, then replayed
  for (let i = 0; i < 4; i++) await plain();
  const ratios: { readonly ms: number; readonly processor: number }[] = [];
  let plainMs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const [one, two] = [await timed(plain), await timed(() => at((round + 0.5) / rounds))];
    ratios.push({ ms: two.ms / one.ms, processor: two.processor / one.processor });
    plainMs = Math.min(plainMs, one.ms);
  }
  evaluator.dispose();
  const parameters = [...point.values()].reduce((sum, tensor) => sum + tensor.size, 0);
  say(`point, ${method}`, {
    ...{ size: size.name, parameters, rows: batch * count, seq, rounds, plainMs: Number(plainMs.toFixed(1)) },
    time: spreadOf(ratios.map(({ ms }) => ms)),
    processor: spreadOf(ratios.map(({ processor }) => processor)),
  });
  if (method === "lora") {
    const ticks = [-1, 1, grid] as const;
    const before = await timed(async () => {
      for (let i = 0; i < grid * grid; i++) await plain();
    });
    const whole = await timed(() =>
      result(runLandscape(objective, { origin: point, across, up }, data, { x: ticks, y: ticks })),
    );
    say("landscape", {
      ...{ grid, passes: grid * grid, seconds: Number((whole.ms / 1e3).toFixed(1)) },
      overPasses: Number((whole.ms / before.ms).toFixed(3)),
      processorOverPasses: Number((whole.processor / before.processor).toFixed(3)),
    });
    const steps = [8, 16, 32, 64];
    const times: number[] = [];
    for (const points of steps)
      times.push((await timed(() => result(runPath(objective, path, data, { points, resamples: 0 })))).processor);
    say("growth of a path with its points", { steps, exponent: exponent(steps, times) });
  }
  for (const tree of [other, across, up]) disposeParameters(tree);
}
if (parts.includes("growth")) await measureGrowth(say);
