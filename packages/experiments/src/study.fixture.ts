import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { StudyEvent } from "./events.ts";
import { defineStudy, type RunCode, type Study, type StudyOptions } from "./study.ts";

/** Worker processes of tests read the sources. */
export const execArgv: readonly string[] = ["--conditions=@cambium/source", "--import", import.meta.resolve("tsx")];

/** The module of the runs of the tests. */
export const module: string = new URL("./toy-runs.fixture.ts", import.meta.url).href;

/** A folder that does not exist yet, removed after the test. */
export function freshFolder(): string {
  const path = mkdtempSync(join(tmpdir(), "cambium-study-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return join(path, "study");
}

/** A study of two methods over five seeds. */
export function toyStudy({ run, ...options }: Partial<Omit<StudyOptions, "run">> & { run?: Partial<RunCode> } = {}): Study {
  return defineStudy({
    name: "toy",
    factors: { method: ["a", "b"], seed: [1, 2, 3, 4, 5] },
    metrics: { accuracy: {} },
    ...options,
    run: { module, version: "1", ...run },
  });
}

/** All events of a study. */
export async function collect(events: AsyncIterable<StudyEvent>): Promise<StudyEvent[]> {
  const all: StudyEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** The events of one type. */
export function only<Type extends StudyEvent["type"]>(events: readonly StudyEvent[], type: Type): Extract<StudyEvent, { type: Type }>[] {
  return events.filter((event): event is Extract<StudyEvent, { type: Type }> => event.type === type);
}
