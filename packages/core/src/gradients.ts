/**
 * Registers gradients: tfjs-core's own, which it does not register itself, and those of the custom kernels. Each gradient
 * is a function per input, so that what a frozen weight would need is never computed.
 */
import "./gradients.generated.ts";
import { StateError } from "@cambium/base";
import {
  afterKernel,
  attentionGradKernel,
  attentionKernel,
  blockLinearGradKernel,
  blockLinearKernel,
  blockRowsKernel,
  type CustomKernel,
  crossEntropyGradKernel,
  crossEntropyKernel,
  editedColumnsKernel,
  editedLinearGradKernel,
  editedLinearKernel,
  editWeightKernel,
  gatedSiluGradKernel,
  gatedSiluKernel,
  geluGradKernel,
  geluKernel,
  layerNormGradKernel,
  layerNormKernel,
  linearCrossEntropyGradKernel,
  linearCrossEntropyKernel,
  linearCrossEntropyWeightGradKernel,
  quantisedLinearGradKernel,
  quantisedLinearKernel,
  rmsNormGradKernel,
  rmsNormKernel,
  rotateKernel,
  type SharedProductAttributes,
  sharedProductKernel,
  siluGradKernel,
  siluKernel,
  sparseRowsGradKernel,
  sparseRowsKernel,
} from "@cambium/kernels";
import {
  broadcast_util,
  gather,
  matMul,
  mul,
  neg,
  ones,
  registerGradient,
  reshape,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor3D,
  zeros,
  zerosLike,
} from "@tensorflow/tfjs-core";
import { runCustomKernel } from "./ops/run-kernel.ts";
import { bitsOf } from "./quantised-weight.ts";

/** Sums over all axes but the last. */
function sumRows(x: Tensor): Tensor {
  return x.rank === 1 ? x : sum(x, [...Array(x.rank - 1).keys()]);
}

/** Sums over the axes along which `shape` was broadcast to `x`'s. */
function sumToShape(x: Tensor, shape: number[]): Tensor {
  const axes = broadcast_util.getReductionAxes(shape, x.shape);
  return reshape(axes.length === 0 ? x : sum(x, axes), shape);
}

/** What the gradient of a weight without one is. */
function refuseGradient(kernel: CustomKernel, weight: Tensor): never {
  throw new StateError({
    message: `${kernel.name}: a weight [${weight.shape}] in ${bitsOf(weight)} bits is frozen and has no gradient; load the model in float32 to train it`,
  });
}

registerGradient({
  kernelName: layerNormKernel.name,
  inputsToSave: ["x", "gain"],
  gradFunc: (dy, saved, attributes) => {
    const [x, gain] = saved as [Tensor, Tensor];
    const normal = (): Tensor =>
      runCustomKernel(layerNormKernel, { x, gain: ones(gain.shape), bias: zeros(gain.shape) }, attributes);
    return {
      x: () => runCustomKernel<Tensor>(layerNormGradKernel, { dy, x, gain }, attributes),
      gain: () => sumRows(mul(dy as Tensor, normal())),
      bias: () => sumRows(dy as Tensor),
    };
  },
});

registerGradient({
  kernelName: rmsNormKernel.name,
  inputsToSave: ["x", "gain"],
  gradFunc: (dy, saved, attributes) => {
    const [x, gain] = saved as [Tensor, Tensor];
    const normal = (): Tensor => runCustomKernel(rmsNormKernel, { x, gain: ones(gain.shape) }, attributes);
    return {
      x: () => runCustomKernel<Tensor>(rmsNormGradKernel, { dy, x, gain }, attributes),
      gain: () => sumRows(mul(dy as Tensor, normal())),
    };
  },
});

registerGradient({
  kernelName: rotateKernel.name,
  inputsToSave: ["cosine", "sine"],
  gradFunc: (dy, [cosine, sine]) => {
    const fixed = (): never => {
      throw new StateError({ message: "rotate: the angles of positions have no gradient" });
    };
    return {
      // Turned back: a rotation's transpose is its inverse.
      x: () => runCustomKernel<Tensor>(rotateKernel, { x: dy, cosine, sine: neg(sine!) }),
      cosine: fixed,
      sine: fixed,
    };
  },
});

registerGradient({
  kernelName: sharedProductKernel.name,
  inputsToSave: ["a", "b"],
  gradFunc: (dy, saved, attributes) => {
    const [a, b] = saved as [Tensor, Tensor];
    const { transposeB } = attributes as unknown as SharedProductAttributes;
    const flat = (x: Tensor): Tensor3D => reshape(x, [x.shape[0]!, -1, x.shape[3]!]);
    return {
      a: () => runCustomKernel<Tensor>(sharedProductKernel, { a: dy, b }, { transposeB: !transposeB }),
      b: () => {
        const [left, right] = transposeB ? [dy as Tensor, a] : [a, dy as Tensor];
        return reshape(matMul(flat(left), flat(right), true, false), b.shape);
      },
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
  kernelName: gatedSiluKernel.name,
  inputsToSave: ["gate", "up"],
  gradFunc: (dy, [gate, up]) => {
    // Only then: what the forward pass has of it is as large as both inputs, and would have to be kept.
    const again = runCustomKernel<Tensor>(afterKernel, { x: gate!, after: dy });
    const [dGate, dUp] = runCustomKernel<[Tensor, Tensor]>(gatedSiluGradKernel, { dy, gate: again, up });
    return { gate: () => dGate, up: () => dUp };
  },
});

registerGradient({
  kernelName: attentionKernel.name,
  inputsToSave: ["query", "key", "value", "bias", "mask"],
  outputsToSave: [true],
  gradFunc: (dy, saved, attributes) => {
    const [query, key, value, bias, mask, output] = saved as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
    const inputs = { dy, query, key, value, bias, mask, output };
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
  inputsToSave: ["logits", "labels"],
  gradFunc: (dy, saved, attributes) => ({
    logits: () =>
      runCustomKernel<Tensor>(crossEntropyGradKernel, { dy, logits: saved[0], labels: saved[1] }, attributes),
  }),
});

registerGradient({
  kernelName: linearCrossEntropyKernel.name,
  inputsToSave: ["x", "weight", "labels"],
  outputsToSave: [false, true],
  gradFunc: (dys, [x, weight, labels, slope], attributes) => {
    const [dy] = dys as Tensor[];
    return {
      x: () => runCustomKernel<Tensor>(linearCrossEntropyGradKernel, { dy, x, slope }),
      weight: () =>
        attributes["matrix"] === undefined
          ? runCustomKernel<Tensor>(linearCrossEntropyWeightGradKernel, { dy, x, weight, labels }, attributes)
          : refuseGradient(linearCrossEntropyKernel, weight!),
    };
  },
});

registerGradient({
  kernelName: afterKernel.name,
  inputsToSave: ["after"],
  gradFunc: (dy, [after]) => ({ x: () => dy as Tensor, after: () => zerosLike(after!) }),
});

for (const [kernel, gradKernel] of [
  [quantisedLinearKernel, quantisedLinearGradKernel],
  [blockLinearKernel, blockLinearGradKernel],
] as const) {
  registerGradient({
    kernelName: kernel.name,
    inputsToSave: ["weight"],
    gradFunc: (dy, [weight], attributes) => ({
      x: () => runCustomKernel<Tensor>(gradKernel, { dy, weight }, attributes),
      weight: () => refuseGradient(kernel, weight!),
      bias: () => sumRows(dy as Tensor),
    }),
  });
}

registerGradient({
  kernelName: blockRowsKernel.name,
  inputsToSave: ["weight"],
  gradFunc: (_, [weight]) => ({ weight: () => refuseGradient(blockRowsKernel, weight!) }),
});

registerGradient({
  kernelName: editWeightKernel.name,
  inputsToSave: ["index"],
  gradFunc: (dy, [index], attributes) => ({
    weight: () => dy as Tensor,
    values: () =>
      gather(attributes["by"] === "scalars" ? reshape(dy as Tensor, [-1]) : (dy as Tensor), index as Tensor1D),
  }),
});

registerGradient({
  kernelName: editedLinearKernel.name,
  inputsToSave: ["x", "weight", "values", "index", "columns"],
  gradFunc: (dy, [x, weight, values, index, columns], attributes) => {
    const isTurned = attributes["isTurned"] === true;
    const [first, second] = (isTurned ? [dy, x] : [x, dy]) as [Tensor2D, Tensor2D]; // the weight's rows, its columns
    // Made again from the few values, so that no edited matrix lives from the forward pass to here.
    const edited = (): Tensor2D => {
      const later = runCustomKernel<Tensor>(afterKernel, { x: values, after: dy });
      return runCustomKernel<Tensor2D>(editWeightKernel, { weight, values: later, index }, attributes);
    };
    return {
      x: () => matMul(dy as Tensor2D, edited(), false, !isTurned),
      weight: () => matMul(first, second, true, false),
      values: () => runCustomKernel<Tensor>(editedLinearGradKernel, { dy, x, weight, index, columns }, attributes),
      columns: () => zerosLike(columns!), // they are of x, whose gradient is above
    };
  },
});

registerGradient({
  kernelName: editedColumnsKernel.name,
  inputsToSave: ["x"],
  gradFunc: (_, [x]) => ({ x: () => zerosLike(x!) }), // only a gradient reads them
});

registerGradient({
  kernelName: sparseRowsKernel.name,
  inputsToSave: ["values", "slots", "columns", "ids"],
  gradFunc: (dy, [values, slots, columns, ids], attributes) => ({
    values: () => runCustomKernel<Tensor>(sparseRowsGradKernel, { dy, values, slots, columns, ids }, attributes),
  }),
});
