import { memory } from "@cambium/base";
import { expect, test } from "vitest";
import { squareRdm } from "../rdm/rdm.ts";
import { ekmanGroups, groupRdm, polarityGroups } from "./emotion-groups.ts";
import { cooccurrenceRdm, loadGoEmotions } from "./go-emotions.ts";

test("a partition's distances are 0 within its groups and 1 between them", () => {
  expect(squareRdm(groupRdm(["joy", "fear", "love"], polarityGroups))).toEqual([
    [0, 1, 0],
    [1, 0, 1],
    [0, 1, 0],
  ]);
  expect(() => groupRdm(["joy", "hunger"], polarityGroups)).toThrow('"hunger" must be in one group, and is in none');
});

test("both groupings hold all 27 emotions once", () => {
  const [polar, basic] = [polarityGroups, ekmanGroups].map((groups) => Object.values(groups).flat().toSorted());
  expect(polar).toHaveLength(27);
  expect(new Set(polar).size).toBe(27);
  expect(basic).toEqual(polar);
});

test("GoEmotions is read line by line", async () => {
  const files = memory();
  await files.write("emotions.txt", "joy\nfear\nneutral\n");
  await files.write("train.tsv", "so glad\t0\tab1\nglad, and afraid\t0,1\tab2\n");
  await files.write("dev.tsv", "a chair\t2\tab3\r\n");
  await files.write("test.tsv", "");
  const data = await loadGoEmotions(files);
  expect(data.emotions).toEqual(["joy", "fear", "neutral"]);
  expect(data.train).toEqual([
    { text: "so glad", labels: ["joy"] },
    { text: "glad, and afraid", labels: ["joy", "fear"] },
  ]);
  expect(data.dev).toEqual([{ text: "a chair", labels: ["neutral"] }]);
  expect(data.test).toEqual([]);
  await files.write("test.tsv", "no label\t\tab4\n");
  await expect(loadGoEmotions(files)).rejects.toThrow("line 1 of test.tsv must be a text");
  await files.write("test.tsv", "beyond\t3\tab4\n");
  await expect(loadGoEmotions(files)).rejects.toThrow("ids of 3 emotions");
});

test("emotions that are given with the same others are near", () => {
  const pair = (...labels: string[]) => ({ text: "", labels });
  const rows = [pair("a", "c"), pair("b", "c"), pair("a", "d"), pair("b", "d"), pair("c", "e"), pair("a")];
  const rdm = squareRdm(cooccurrenceRdm(rows, ["a", "b", "c", "d", "e"]));
  expect(rdm[0]![1]).toBeCloseTo(0, 12); // both with c and d, in the same shares
  expect(rdm[0]![2]).toBeGreaterThan(1);
  expect(() => cooccurrenceRdm(rows, ["a", "b", "c", "f"])).toThrow('no text has "f" together with another');
});
