/** Softmax and its logarithm over one axis. */
import { convertTo, operation } from "../tracer.ts";
import type { KernelTable } from "./table.ts";

export const softmaxKernels: KernelTable = {
  Softmax: ({ logits }, { dim }) =>
    operation("Softmax", [convertTo(logits!.value, "float32")], logits!.shape, "float32", {
      attributes: { axis: dim as number },
    }),
  LogSoftmax: ({ logits }, { axis }) =>
    operation("LogSoftmax", [convertTo(logits!.value, "float32")], logits!.shape, "float32", {
      attributes: { axis: axis as number },
    }),
};
