import { StateError } from "@cambium/base";
import { createSummariser, type EvaluationSummary } from "../summary.ts";
import { type Manifest, readManifest } from "./manifest.ts";
import type { EvaluationRecord } from "./record.ts";
import { folderResults, type Results } from "./results.ts";

/** A run as it is kept. */
export interface KeptEvaluation {
  readonly manifest: Manifest;
  readonly summary: EvaluationSummary;
  /** The rows one by one, in the order in which they were done; may be gone through many times. */
  records(): AsyncIterable<EvaluationRecord>;
}

async function* readRecords(results: Results): AsyncGenerator<EvaluationRecord, void, undefined> {
  const seen = new Set<string>();
  for await (const line of results.lines()) {
    const record = JSON.parse(line) as EvaluationRecord;
    if (seen.has(record.id)) continue;
    seen.add(record.id);
    yield record;
  }
}

/**
 * Reads the results of a run, finished or not.
 *
 * @throws {StateError} When there are none.
 * @throws {FormatError} When they are of another version.
 * @example
 * const { summary } = await loadResults("runs/math");
 * console.log(summary.accuracy.strict);
 */
export async function loadResults(source: string | Results): Promise<KeptEvaluation> {
  const results = typeof source === "string" ? folderResults(source) : source;
  const manifest = await readManifest(results);
  if (manifest === undefined) {
    throw new StateError({
      message: `loadResults: there are no results in ${typeof source === "string" ? source : "this store"}; run an evaluation with it first`,
    });
  }
  const summariser = createSummariser(manifest.method, manifest.groups);
  for await (const record of readRecords(results)) summariser.add(record);
  return { manifest, summary: summariser.summary(), records: () => readRecords(results) };
}
