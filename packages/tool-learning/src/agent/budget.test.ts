import { describe, expect, it } from "vitest";
import { createLedger } from "./budget.ts";

describe("createLedger", () => {
  it("counts the schema of a reply before the request is made", () => {
    const ledger = createLedger({ tokens: 1000 });
    const request = { messages: [{ role: "user", content: "x" }], maxTokens: 100 } as const;
    expect(() => ledger.reserve(request)()).not.toThrow();
    const schema = { type: "object", description: "y".repeat(1000) };
    expect(() => ledger.reserve({ ...request, format: { schema } })).toThrow("budget.tokens");
  });
});
