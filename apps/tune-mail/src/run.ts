import type { Runtime } from "@cambium/core";
import type { JobKind, JobTable, Measured } from "./job.ts";
import type { BagOfWordsRow } from "./jobs/bag-of-words-row.ts";
import type { FewShotRow } from "./jobs/few-shot.ts";
import type { MailCounts } from "./jobs/prepare.ts";
import type { Method, TunedRow } from "./jobs/tune.ts";
import type { Progress } from "./progress.ts";
import { RunError } from "./run-error.ts";
import type { RunFolder } from "./run-folder.ts";
import { runJob } from "./run-job.ts";
import type { Settings } from "./settings.ts";

/** A tuned model with the name that tables give it. */
export type NamedRow = Measured<TunedRow> & { readonly method: Method; readonly name: string };

/** Everything a run found out. */
export interface Findings {
  readonly mail: MailCounts;
  readonly bagOfWords: Measured<BagOfWordsRow>;
  readonly tuned: readonly NamedRow[];
  readonly runtime: Runtime;
  /** Largest difference between the scores of LoRA and of the reloaded adapter, in nats. */
  readonly reloadDifference: number;
  readonly fewShot: readonly FewShotRow[];
}

/** How tables call the methods, from the least trained to the most. */
const METHODS: readonly (readonly [Method, string])[] = [
  ["head", "frozen body"],
  ["lora", "LoRA"],
  ["eightBit", "LoRA, body in 8 bits"],
  ["whole", "full fine-tuning"],
];

/** Reloaded scores may differ from the first by rounding only. */
const TOLERANCE = 1e-4;

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/**
 * The whole comparison, part by part, each in its own process. Parts that an earlier run finished are not done again.
 *
 * @throws {StoppedError} When `signal` stopped it; everything finished is kept, and training resumes from a checkpoint.
 * @throws {RunError} When a part failed, or the reloaded adapter says something else.
 */
export async function runComparison(
  settings: Settings,
  folder: RunFolder,
  progress: Progress,
  signal: AbortSignal,
): Promise<Findings> {
  async function part<Kind extends JobKind>(
    name: string,
    label: string,
    kind: Kind,
    input: JobTable[Kind]["input"],
    tell: (measured: Measured<JobTable[Kind]["result"]>) => string,
  ): Promise<Measured<JobTable[Kind]["result"]>> {
    const finished = folder.read<Measured<JobTable[Kind]["result"]>>(name);
    if (finished !== undefined) return finished;
    progress.update(`${label}  …`);
    const measured = await runJob(
      { kind, input, settings, out: folder.out },
      (text) => progress.update(`${label}  ${text}`),
      signal,
    );
    folder.write(name, measured);
    progress.line(`${label}  ${tell(measured)}`);
    return measured;
  }

  const { result: mail } = await part(
    "prepare",
    "mail",
    "prepare",
    undefined,
    ({ result: { train, dev, test } }) => `${train} messages to train, ${dev} for development, ${test} to test`,
  );
  const bagOfWords = await part("bag-of-words", "bag of words", "bagOfWords", undefined, ({ result }) =>
    percent(result.accuracy),
  );
  const tuned: NamedRow[] = [];
  for (const [method, name] of METHODS) {
    if (method === "eightBit" && settings.frozen !== "int8") continue;
    const row = await part(
      `row-${method}`,
      name,
      "tune",
      method,
      ({ result }) => `${percent(result.accuracy)}, ${result.stepMs.toFixed(1)} ms a step`,
    );
    tuned.push({ ...row, method, name });
  }
  const { runtime, scores } = tuned.find(({ method }) => method === "lora")!.result;
  const { result: reloaded } = await part("reload", "reloaded adapter", "reload", undefined, ({ result }) => {
    const agreeing = result.scores.filter((score, i) => score > 0 === scores[i]! > 0).length;
    return `${agreeing} of ${scores.length} predictions equal in a fresh process, largest difference ${formatSmall(largestDifference(result.scores, scores))} nats`;
  });
  const reloadDifference = largestDifference(reloaded.scores, scores);
  if (!(reloadDifference <= TOLERANCE)) {
    throw new RunError(
      `the adapter in "${folder.out}" scores messages differently after reloading, by ${formatSmall(reloadDifference)} nats; please report this with the settings`,
    );
  }
  const fewShot: FewShotRow[] = [];
  for (const labels of settings.fewShot?.labels ?? []) {
    const { result } = await part(
      `few-shot-${labels}`,
      `${labels} labels`,
      "fewShot",
      labels,
      ({ result: { draws } }) => `${draws.length} draws`,
    );
    fewShot.push(result);
  }
  return { mail, bagOfWords, tuned, runtime, reloadDifference, fewShot };
}

export function largestDifference(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0);
}

/** A small number as text: 0, or two digits and a power of ten. */
export const formatSmall = (value: number): string => (value === 0 ? "0" : value.toExponential(1));

/** The command that was given, to be typed again. */
export function commandLine(args: readonly string[]): string {
  return [
    "pnpm tune-mail",
    ...args.map((arg) => (/^[\w./=@:-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`)),
  ].join(" ");
}
