/** Rows of a classifier follow their labels, in whatever order a head has them. */
import { ConfigError } from "@cambium/base";
import type { Site } from "@cambium/core";
import type { Delta, Tuned } from "@cambium/delta";
import { type HeadConfig, type LanguageModel, labelsOf } from "@cambium/models";
import { gather, type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";

/** For each of the new labels, which of the old ones it is; undefined where the order is the same, or there are none. */
export function labelOrder(
  old: HeadConfig | undefined,
  current: HeadConfig | undefined,
): readonly number[] | undefined {
  const [was, is] = [labelsOf(old), labelsOf(current)];
  if (was === undefined || is === undefined) return undefined;
  const order = is.map((label) => was.indexOf(label));
  return order.every((from, i) => from === i) ? undefined : order;
}

/** The layer whose rows are the labels. */
function scoringSite(model: LanguageModel): Site {
  const count = labelsOf(model.head)!.length;
  const site = model
    .sites()
    .findLast(({ kind, role, width }) => kind === "linear" && role === "head" && width === count);
  if (site?.weight !== undefined) return site;
  throw new ConfigError({
    message: `recycle: the labels are in another order, and the head has no layer with a row for each of the ${count} labels; load both models with one order`,
  });
}

/**
 * A function of a tensor of a delta to the same with its labels in the new order. The caller owns what it makes.
 *
 * @param order - As `labelOrder` gives it.
 * @throws {ConfigError} For a delta that changes the scores in another way than by replacing the layer's weights.
 */
export function reorderer(
  model: LanguageModel,
  deltas: readonly Delta[],
  order: readonly number[],
): (name: string, tensor: Tensor) => Tensor {
  const { weight, bias, path } = scoringSite(model);
  const other = deltas.find(
    ({ method, parameters }) =>
      method.replaces !== true && [...parameters.keys()].some((name) => name.startsWith(`${path}.`) || name === bias),
  );
  if (other !== undefined)
    throw new ConfigError({
      message: `recycle: the labels are in another order, and delta "${other.name}" (${other.kind}) changes ${path}, whose rows they are; load both models with one order`,
      delta: other.name,
    });
  return (name, tensor) => {
    const axis = name === bias ? 0 : name === weight!.name ? (weight!.layout === "out,in" ? 0 : 1) : undefined;
    if (axis === undefined) return tensor.clone();
    return tidy(() => gather(tensor, tensor1d([...order], "int32"), axis));
  };
}

/**
 * A tuned model whose scores stand in the order of another head's labels, so that it is compared with what was made for that one. It is
 * the model itself where the order is the same. Its losses are the head's own.
 */
export function inOrderOf(tuned: Tuned<LanguageModel>, head: HeadConfig | undefined): Tuned<LanguageModel> {
  const order = labelOrder(tuned.head, head);
  if (order === undefined || head === undefined) return tuned;
  return {
    ...tuned,
    head,
    forward(input, options) {
      const { logits, ...rest } = tuned.forward(input, options);
      const turned = tidy(() => gather(logits!, tensor1d([...order], "int32"), -1));
      logits!.dispose();
      return { ...rest, logits: turned };
    },
    with: (parameters, options) => inOrderOf(tuned.with(parameters, options), head),
    describe: async () => ({ model: await tuned.describe(), order: [...order] }),
  };
}
