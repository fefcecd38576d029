import { describeDeltaMethod } from "../testing/index.ts";
import { tokens } from "./tokens.ts";

// A row of dModel for each token.
describeDeltaMethod(tokens, {
  configs: [
    {
      title: "every token, in another order",
      options: { ids: Array.from({ length: 23 }, (_, i) => 22 - i) },
      count: 23 * 8,
    },
  ],
  skip: [
    { law: "two of it on one model act together", reason: "each replaces the rows, so the second hides the first" },
  ],
});
