import { result } from "@cambium/base";
import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { runStudy } from "./run-study.ts";
import { loadStudy } from "./state.ts";
import { collect, execArgv, freshFolder, only, toyStudy } from "./study.fixture.ts";

test("every cell is run once, in worker processes, and its result is in the folder", async () => {
  const folder = freshFolder();
  const study = toyStudy();
  const events = await collect(runStudy(study, { folder, workers: 2, execArgv }));
  expect(only(events, "finish").map(({ cell }) => `${cell["method"]}${cell["seed"]}`).sort()).toEqual(
    ["a1", "a2", "a3", "a4", "a5", "b1", "b2", "b3", "b4", "b5"],
  );
  expect(events[0]).toEqual({ type: "begin", done: 0, failed: 0, total: 10 });
  expect(events.at(-1)).toEqual({ type: "end", reason: "finished", done: 10, failed: 0, total: 10, stuck: 0, remainingMs: 0 });
  const { records, board } = await loadStudy(study, folder);
  expect(board.runs.every(({ key }) => records.get(key)?.status === "done")).toBe(true);
  expect(readdirSync(folder).sort()).toEqual(["plans", "runs"]);
  const again = await collect(runStudy(study, { folder, execArgv }));
  expect(again.map(({ type }) => type)).toEqual(["begin", "end"]);
});
