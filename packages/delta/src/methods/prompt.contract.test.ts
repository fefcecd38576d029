import { describeDeltaMethod } from "../testing/index.ts";
import { prompt } from "./prompt.ts";

// length · dModel
describeDeltaMethod(prompt, {
  configs: [
    { title: "words of the vocabulary", options: { length: 3 }, count: 3 * 8 },
    { title: "words of a text, repeated", options: { length: 3, init: [4, 7] }, count: 3 * 8, on: ["llama"] },
    { title: "uniform start", options: { length: 2, init: "uniform" }, count: 2 * 8 },
  ],
  skip: [{ law: "starts as the base model, to the bit", reason: "attention sees the prompt's rows from the start" }],
});
