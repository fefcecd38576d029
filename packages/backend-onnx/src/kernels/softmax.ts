/** Softmax and its logarithm over the last axis. */

import { operation } from "../tracer.ts";
import type { KernelTable } from "./table.ts";

export const softmaxKernels: KernelTable = {
  Softmax: ({ logits }, { dim }) =>
    operation("Softmax", [logits!.value], logits!.shape, "float32", { attributes: { axis: dim as number } }),
  LogSoftmax: ({ logits }, { axis }) =>
    operation("LogSoftmax", [logits!.value], logits!.shape, "float32", { attributes: { axis: axis as number } }),
};
