import { describeDeltaMethod } from "../testing/index.ts";
import { pTuning } from "./p-tuning.ts";

// length · dModel, and three layers: dModel · hidden + hidden, hidden² + hidden, hidden · dModel + dModel.
describeDeltaMethod(pTuning, {
  configs: [
    {
      title: "a network",
      options: { length: 3, hidden: 5 },
      count: 3 * 8 + (8 * 5 + 5) + (5 * 5 + 5) + (5 * 8 + 8),
      on: ["roberta", "gpt2", "llama", "t5"],
    },
    {
      // In each layer and direction 4 · hidden · (input + hidden + 2); the second layer reads both directions.
      title: "an LSTM",
      options: { length: 2, hidden: 3, network: "lstm" },
      count: 2 * 8 + 2 * 4 * 3 * (8 + 3 + 2) + 2 * 4 * 3 * (6 + 3 + 2) + (6 * 6 + 6) + (6 * 8 + 8),
      on: [],
    },
    { title: "rows alone", options: { length: 2, network: "none" }, count: 2 * 8, on: [] },
  ],
  skip: [{ law: "starts as the base model, to the bit", reason: "attention sees the prompt's rows from the start" }],
});
