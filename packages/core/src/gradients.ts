/**
 * Registers gradients: tfjs-core's own, which it does not register itself, and those of the custom kernels. Each gradient
 * is a function per input, so that what a frozen weight would need is never computed.
 */
import "./gradients.generated.ts";
import {
  attentionGradKernel,
  attentionKernel,
  crossEntropyGradKernel,
  crossEntropyKernel,
  geluGradKernel,
  geluKernel,
  layerNormGradKernel,
  layerNormKernel,
  rmsNormGradKernel,
  rmsNormKernel,
  siluGradKernel,
  siluKernel,
} from "@cambium/kernels";
import { broadcast_util, mul, registerGradient, reshape, sub, sum, type Tensor } from "@tensorflow/tfjs-core";
import { runCustomKernel } from "./ops/run-kernel.ts";

/** Sums over all axes but the last. */
function sumRows(x: Tensor): Tensor {
  return x.rank === 1 ? x : sum(x, [...Array(x.rank - 1).keys()]);
}

/** Sums over the axes along which `shape` was broadcast to `x`'s. */
function sumToShape(x: Tensor, shape: number[]): Tensor {
  const axes = broadcast_util.getReductionAxes(shape, x.shape);
  return reshape(axes.length === 0 ? x : sum(x, axes), shape);
}

/** Gradients arrive as one tensor for each output of a kernel with several. */
const first = (gradients: Tensor | Tensor[]): Tensor => (Array.isArray(gradients) ? gradients[0]! : gradients);

registerGradient({
  kernelName: layerNormKernel.name,
  inputsToSave: ["x", "gain"],
  outputsToSave: [false, true, true],
  gradFunc: (gradients, saved) => {
    const dy = first(gradients);
    const [x, gain, center, inverse] = saved as [Tensor, Tensor, Tensor, Tensor];
    return {
      x: () => runCustomKernel<Tensor>(layerNormGradKernel, { dy, x, gain, center, inverse }),
      gain: () => sumRows(mul(dy, mul(sub(x, center), inverse))),
      bias: () => sumRows(dy),
    };
  },
});

registerGradient({
  kernelName: rmsNormKernel.name,
  inputsToSave: ["x", "gain"],
  outputsToSave: [false, true],
  gradFunc: (gradients, saved) => {
    const dy = first(gradients);
    const [x, gain, inverse] = saved as [Tensor, Tensor, Tensor];
    return {
      x: () => runCustomKernel<Tensor>(rmsNormGradKernel, { dy, x, gain, inverse }),
      gain: () => sumRows(mul(dy, mul(x, inverse))),
    };
  },
});

registerGradient({
  kernelName: geluKernel.name,
  inputsToSave: ["x"],
  gradFunc: (dy, saved, attributes) => ({
    x: () => runCustomKernel<Tensor>(geluGradKernel, { dy, x: saved[0] }, attributes),
  }),
});

registerGradient({
  kernelName: siluKernel.name,
  inputsToSave: ["x"],
  gradFunc: (dy, saved) => ({ x: () => runCustomKernel<Tensor>(siluGradKernel, { dy, x: saved[0] }) }),
});

registerGradient({
  kernelName: attentionKernel.name,
  inputsToSave: ["query", "key", "value", "bias", "mask"],
  outputsToSave: [true, true],
  gradFunc: (gradients, saved, attributes) => {
    const [query, key, value, bias, mask, output, pattern] = saved as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    const inputs = { dy: first(gradients), query, key, value, mask, output, pattern };
    const [dQuery, dKey, dValue, dScores] = runCustomKernel<[Tensor, Tensor, Tensor, Tensor]>(
      attentionGradKernel,
      inputs,
      attributes,
    );
    return {
      query: () => dQuery,
      key: () => dKey,
      value: () => dValue,
      bias: () => sumToShape(dScores, bias.shape),
    };
  },
});

registerGradient({
  kernelName: crossEntropyKernel.name,
  inputsToSave: ["labels"],
  outputsToSave: [false, true],
  gradFunc: (gradients, saved, attributes) => {
    const [labels, logProbabilities] = saved as [Tensor, Tensor];
    return {
      logits: () =>
        runCustomKernel<Tensor>(crossEntropyGradKernel, { dy: first(gradients), logProbabilities, labels }, attributes),
    };
  },
});
