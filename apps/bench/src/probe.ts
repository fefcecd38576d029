/** `pnpm bench:probe`: a searchlight of a model's size, permutations of a matrix of distances, and a capture beside the same texts as vectors. */
import { result } from "@cambium/base";
import { disposeParameters, random } from "@cambium/core";
import {
  type ConditionActivations,
  collectActivations,
  rdmOf,
  runSearchlight,
  testSimilarity,
} from "@cambium/emotion-probing";
import { embed, loadModel, loadTokenizer } from "@cambium/models";
import { chooseBackend } from "./choose-backend.ts";
import { parseFlags } from "./flags.ts";
import { describeMachine } from "./machine.ts";
import { timeSteps } from "./timed.ts";

const HELP = `usage: pnpm bench:probe [options]

Prints JSON lines: the machine; a searchlight over 46,080 neurons (30 layers of 1,536) of 27 conditions with 14 attributes and 1,000 orders; a test of
one matrix of 27 conditions with 5,000 orders; and with --model, activations of texts beside their vectors, as a ratio.

  --model FOLDER   an encoder, for the capture
  --steps N        measured runs of each (default 3)
  --neurons N      in each of the 30 layers (default 1536)
`;

const { values } = parseFlags({
  options: {
    model: { type: "string" },
    steps: { type: "string", default: "3" },
    neurons: { type: "string", default: "1536" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
const [steps, width] = [Number(values.steps), Number(values.neurons)];
const [LAYERS, CONDITIONS, ATTRIBUTES] = [30, 27, 14];

const timed = (run: () => Promise<unknown>) => timeSteps(steps, run, 1);

const say = (row: string, about: object): void => console.log(JSON.stringify({ bench: "probe", row, steps, ...about }));

await chooseBackend("onnx");
console.log(JSON.stringify(describeMachine("probe")));
const conditions = Array.from({ length: CONDITIONS }, (_, i) => `condition ${i}`);
const drawn = (name: string, count: number): Float64Array => Float64Array.from(random(1).at(name).uniforms(count));
const pairs = (CONDITIONS * (CONDITIONS - 1)) / 2;
const attributes = Object.fromEntries(
  Array.from({ length: ATTRIBUTES }, (_, i) => [`attribute ${i}`, rdmOf(conditions, drawn(`attribute ${i}`, pairs))]),
);
const sites = Array.from({ length: LAYERS }, (_, layer) => ({ path: `layer.${layer}`, layer, width }));
const activations: ConditionActivations = {
  conditions,
  sites,
  values: new Map(
    sites.map(({ path }) => [
      path,
      [conditions.map((condition) => Float32Array.from(drawn(`${path} ${condition}`, width)))],
    ]),
  ),
};
say("searchlight", {
  neurons: LAYERS * width,
  attributes: ATTRIBUTES,
  permutations: 1000,
  ...(await timed(() => result(runSearchlight(activations, attributes, { random: random(2) })))),
});

const [data, other] = Object.values(attributes);
say("test of one matrix", {
  conditions: CONDITIONS,
  permutations: 5000,
  ...(await timed(async () => testSimilarity(data!, [other!], { random: random(3) }))),
});

if (values.model !== undefined) {
  const [model, tokenizer] = [await loadModel(values.model), await loadTokenizer(values.model)];
  const texts = Array.from({ length: 256 }, (_, i) => `the ${i} people who came were told of what they saw`);
  const AT_ONCE = 32;
  const plain = (): Promise<unknown> => embed(model, tokenizer, texts, { batchSize: AT_ONCE });
  const captured = (): Promise<unknown> =>
    collectActivations(model, tokenizer, texts, { at: "mean", batchSize: AT_ONCE });
  const [without, withCapture] = [await timed(plain), await timed(captured)];
  say("forward, to vectors", without);
  say("capture of every layer's neurons", {
    ...withCapture,
    throughput: Number((without.medianMs / withCapture.medianMs).toFixed(3)),
    throughputByProcessor: Number((without.processorMs / withCapture.processorMs).toFixed(3)),
  });
  disposeParameters(model.parameters);
}
