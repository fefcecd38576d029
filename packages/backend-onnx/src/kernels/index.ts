/** Every kernel that runs natively, by name. One file for each family. */
import { activationKernels } from "./activation.ts";
import { afterKernels } from "./after.ts";
import { arithmeticKernels } from "./arithmetic.ts";
import { blockKernels } from "./blocks.ts";
import { compareKernels } from "./compare.ts";
import { convolutionKernels } from "./convolution.ts";
import { creationKernels } from "./creation.ts";
import { customKernelTraces } from "./custom.ts";
import { imageKernels, normalizationKernels } from "./image.ts";
import { indexingKernels } from "./indexing.ts";
import { poolingKernels } from "./pooling.ts";
import { productKernels } from "./product.ts";
import { quantisedKernels } from "./quantised.ts";
import { randomNumberKernels } from "./random-numbers.ts";
import { reduceKernels } from "./reduce.ts";
import { shapeKernels } from "./shape.ts";
import { softmaxKernels } from "./softmax.ts";
import type { KernelTable } from "./table.ts";
import { unaryKernels } from "./unary.ts";

export const nativeKernels: KernelTable = {
  ...activationKernels,
  ...afterKernels,
  ...arithmeticKernels,
  ...blockKernels,
  ...compareKernels,
  ...convolutionKernels,
  ...creationKernels,
  ...customKernelTraces,
  ...imageKernels,
  ...indexingKernels,
  ...normalizationKernels,
  ...poolingKernels,
  ...productKernels,
  ...quantisedKernels,
  ...randomNumberKernels,
  ...reduceKernels,
  ...shapeKernels,
  ...softmaxKernels,
  ...unaryKernels,
};
