import { parseConfig } from "@cambium/base";
import * as z from "zod";

/** How a study is run. */
export interface RunStudyOptions {
  /** Where results, claims and checkpoints are kept. @default `runs/<name of the study>` */
  readonly folder?: string;
  /** Runs at once, each in its own process. @default 1 */
  readonly workers?: number;
  /**
   * Address of a Redis server, such as `redis://127.0.0.1:6379`: calls on several machines that give the same one share
   * the runs through BullMQ, and each ends with all results. Needs `bullmq` and `ioredis`. @default none
   */
  readonly redis?: string;
  /** Ends the study: runs are told to stop, and start again with the next call. */
  readonly signal?: AbortSignal;
  /** A run that takes longer has failed. In ms. @default no limit */
  readonly timeoutMs?: number;
  /** Whether runs that failed before are tried again. @default false */
  readonly retryFailed?: boolean;
  /** Whether a plan that differs from the folder's replaces it. @default false: it is an error that lists the changes */
  readonly acceptChanges?: boolean;
  /** Times that a worker process may die at one run before the run has failed. @default 3 */
  readonly attempts?: number;
  /** A process that gives no sign of life for so long has lost its runs to others. In ms. @default 15000 */
  readonly leaseMs?: number;
  /** How long runs that are told to stop may take before they are killed. In ms. @default 5000 */
  readonly graceMs?: number;
  /** Options of Node for worker processes. @default those of this process */
  readonly execArgv?: readonly string[];
}

/** The options with their defaults. */
export interface RunSettings {
  readonly folder?: string | undefined;
  readonly workers: number;
  readonly redis?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  readonly retryFailed: boolean;
  readonly acceptChanges: boolean;
  readonly attempts: number;
  readonly leaseMs: number;
  readonly graceMs: number;
  readonly execArgv: readonly string[];
}

/** This process's options, less those that say what it runs and by which port it is debugged. */
function inheritedOptions(): string[] {
  const { execArgv } = process;
  const isProgram = (option: string | undefined): boolean => /^(-e|--eval|-p|-pe|--print)$/.test(option ?? "");
  return execArgv.filter(
    (option, i) =>
      !isProgram(option) && !isProgram(execArgv[i - 1]) && !/^--(inspect|input-type|eval=|print=)/.test(option),
  );
}

const timeLimit = z
  .number()
  .positive()
  .max(2 ** 31 - 1);

/** Of all functions that start processes. */
const processOptions = {
  folder: z.string().min(1).exactOptional(),
  signal: z.custom<AbortSignal>((value) => value instanceof AbortSignal, "must be an AbortSignal").exactOptional(),
  timeoutMs: timeLimit.exactOptional(),
  execArgv: z.array(z.string()).default(inheritedOptions),
};

const schema: z.ZodType<RunSettings> = z.strictObject({
  ...processOptions,
  workers: z.int().positive().max(1024).default(1),
  redis: z
    .string()
    .regex(/^rediss?:\/\//, "must be an address such as redis://127.0.0.1:6379")
    .exactOptional(),
  retryFailed: z.boolean().default(false),
  acceptChanges: z.boolean().default(false),
  attempts: z.int().positive().default(3),
  leaseMs: z.number().min(200).max(600_000).default(15_000),
  graceMs: z.number().min(0).max(600_000).default(5000),
});

export const parseRunOptions = (options: RunStudyOptions): RunSettings => parseConfig("runStudy", schema, options);

/** How a plan is measured. */
export interface PlanStudyOptions {
  /** Where results are kept. @default `runs/<name of the study>` */
  readonly folder?: string;
  readonly signal?: AbortSignal;
  /** A step that takes longer, with its set-up, is an error. In ms. @default no limit */
  readonly timeoutMs?: number;
  /** Options of Node for worker processes. @default those of this process */
  readonly execArgv?: readonly string[];
}

type PlanSettings = Pick<RunSettings, "folder" | "signal" | "timeoutMs" | "execArgv">;

const planSchema: z.ZodType<PlanSettings> = z.strictObject(processOptions);

export const parsePlanOptions = (options: PlanStudyOptions): PlanSettings =>
  parseConfig("planStudy", planSchema, options);
