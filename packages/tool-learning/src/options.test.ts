import { expect, test } from "vitest";
import { wolframAlpha } from "./baselines/calculator.ts";
import { parseMath } from "./readers/math.ts";
import { parseTabMwp } from "./readers/tab-mwp.ts";
import { transferReport } from "./transfer/transfer-report.ts";

test.each<[caller: string, call: () => unknown, meant: string]>([
  ["parseMath", () => parseMath("", { numberOnly: true } as never), "numbersOnly"],
  ["parseTabMwp", () => parseTabMwp("", { numberOnly: true } as never), "numbersOnly"],
  ["transferReport", () => transferReport([], { titel: "A" } as never), "title"],
  ["wolframAlpha", () => wolframAlpha({ appID: "a" } as never), "appId"],
])("%s refuses a misspelt option and names the one that was meant", async (caller, call, meant) => {
  const called = (async () => call())();
  await expect(called).rejects.toMatchObject({
    code: "CONFIG",
    message: expect.stringContaining(`is "${meant}" meant?`),
  });
  await expect(called).rejects.toThrow(caller);
});
