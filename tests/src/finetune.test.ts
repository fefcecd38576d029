/** From a table to predictions, as a user does it: by two commands, and stopped and killed on the way. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cambium, type Ended } from "./cambium.ts";
import { tickets } from "./tickets.ts";

const folder = mkdtempSync(join(tmpdir(), "cambium-finetune-"));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "tickets.csv"), tickets());

const MODEL = "sapling:bert-2x128";
const args = (out: string): string[] => ["finetune", "tickets.csv", "--model", MODEL, "--out", out, "--epochs", "8"];
const summary = (out: string) => JSON.parse(readFileSync(join(folder, out, "finetune.json"), "utf8"));

/** A run that was left in peace. */
let whole: Ended;
beforeAll(async () => {
  whole = await cambium(folder, args("whole"));
});

test("a table becomes a tuned model, a report and predictions by two commands", async () => {
  const { code, lines, errors } = whole;
  expect(errors).toContain('8 rows left out, there is no text (column "message"): 51, 101');
  expect(errors).toContain('label: column "queue", by its name');
  expect(errors).toContain("classes are unbalanced, their rows are weighted");
  expect(code).toBe(0);
  expect(lines.join("\n")).toContain("bag of words: accuracy");
  expect(readdirSync(join(folder, "whole")).sort()).toEqual(["adapter", "finetune.json", "report.html"]);
  const { labels, test: measured, rows } = summary("whole");
  expect(labels).toEqual(["account", "billing", "delivery", "technical"]);
  expect(rows.leftOut).toHaveLength(8);
  // Four classes: a model that learnt nothing is at 0.4 or below; one row in twenty has a wrong class.
  expect(measured.accuracy).toBeGreaterThan(0.6);
  const page = readFileSync(join(folder, "whole", "report.html"), "utf8");
  for (const part of ["Training loss", "macro F1", "Rows by what they are", "What was left out", "The surest first"]) {
    expect(page).toContain(part);
  }

  writeFileSync(
    join(folder, "more.csv"),
    'number,body\n1,"I was charged twice for the ""router"" on Monday, see the statement of my card."\n2,The courier never came with my parcel.\n',
  );
  const predicted = await cambium(folder, [
    "predict",
    MODEL,
    "--adapter",
    "whole/adapter",
    "--input",
    "more.csv",
    "--json",
  ]);
  expect(predicted.code).toBe(0);
  const best = predicted.lines.map((line) => JSON.parse(line).prediction[0].label);
  expect(best).toEqual(["billing", "delivery"]);

  const again = await cambium(folder, args("whole"));
  expect([again.code, again.errors]).toEqual([2, expect.stringContaining("whole holds a finished run")]);
});

test("a run stopped by Ctrl-C, then killed, then resumed ends as one that was left in peace", async () => {
  expect(whole.code).toBe(0);
  const stopped = await cambium(folder, args("disturbed"), { stopAt: "step 32:" });
  expect(stopped.code).toBe(130);
  expect(stopped.errors).toContain("the same command resumes");
  expect(existsSync(join(folder, "disturbed", "unfinished"))).toBe(true);
  const other = await cambium(folder, [...args("disturbed"), "--seed", "2"]);
  expect([other.code, other.errors]).toEqual([
    2,
    expect.stringContaining("an unfinished run of another table, model or setting"),
  ]);
  const killed = await cambium(folder, args("disturbed"), { killAt: "step 64:" });
  expect(killed.code).toBeNull();
  expect(killed.errors).toContain("resuming the unfinished run");
  const resumed = await cambium(folder, args("disturbed"));
  expect(resumed.code).toBe(0);
  expect(summary("disturbed")).toEqual(summary("whole"));
  for (const file of readdirSync(join(folder, "whole", "adapter"))) {
    const bytes = (out: string) => readFileSync(join(folder, out, "adapter", file));
    expect(bytes("disturbed").equals(bytes("whole")), file).toBe(true);
  }
  expect(readFileSync(join(folder, "disturbed", "report.html"), "utf8")).toBe(
    readFileSync(join(folder, "whole", "report.html"), "utf8"),
  );
});
