import { onWeight, type Random } from "@cambium/core";
import { type Delta, type DoraConfig, type DoraOptions, dora, type HostModel, method } from "@cambium/delta";
import { add, div, matMul, mul, reshape, sqrt, square, sum, type Tensor, type Tensor2D } from "@tensorflow/tfjs-core";

/**
 * DoRA that forms `m ⊙ (W + s · B A) / ‖W + s · B A‖` in each step, and multiplies by it, to be measured beside the package's, which forms
 * neither. Of layers stored as `[out, in]`; its gradient also passes through the norm.
 */
export const formingDora: (model: HostModel, options: DoraOptions, random: Random) => Delta<DoraConfig> = method<
  DoraOptions,
  DoraConfig
>({
  kind: "dora",
  parse: dora.parse,
  tensors: (shape, config) => ({ trained: dora.tensors(shape, config).trained }),
  hooks: ({ parameters, config }) => [
    onWeight(
      (name) => parameters.has(name.replace(/\.weight$/, ".lora_A.weight")),
      (name, value) => {
        const part = (end: string): Tensor => parameters.get(`${name.replace(/\.weight$/, "")}.${end}`)!;
        const product = matMul(part("lora_B.weight") as Tensor2D, part("lora_A.weight") as Tensor2D);
        const whole = add(value, mul(product, config.alpha / config.rank));
        const lengths = sqrt(sum(square(whole), 1, true));
        return mul(whole, div(reshape(part("lora_magnitude_vector"), [-1, 1]), lengths));
      },
    ),
  ],
});
