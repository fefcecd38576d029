/**
 * Takes the steps of one run and keeps them: asks the model, runs programs, and turns whatever comes back, errors too, into
 * steps. Steps of an earlier run are reused instead, as long as they are the same steps.
 */

import { StateError, sha256 } from "@cambium/base";
import type { Failure, ModelStep, QueryStep, RunStep, SolveOptions, Step } from "@cambium/evaluation";
import type { CallOutcome } from "@cambium/llm";
import type { SandboxFailure, SandboxOutcome, SourcePart } from "@cambium/sandbox";
import { codeOf } from "../code/fences.ts";
import { messagesOf, type Prompt, promptHash } from "./prompt.ts";
import { DEFAULT_SAMPLING, type Setup } from "./setup.ts";
import type { Stage } from "./stage.ts";

/** Where in the method a step stands. */
export interface Place {
  readonly stage: Stage;
  readonly attempt: number;
  /** The step on whose result this one works. @default the one before */
  readonly parent?: number;
}

/** Takes and keeps steps. */
export interface Recorder {
  readonly steps: readonly Step[];
  /** Asks the model. `wantsCode`: a reply without code is a failure. */
  ask(place: Place, prompt: Prompt, options?: { readonly wantsCode?: boolean }): Promise<ModelStep>;
  /** Runs a program. */
  run(place: Place, program: readonly SourcePart[], limits?: { readonly wallMs?: number }): Promise<RunStep>;
  /** Asks a service; what it rejects with is a failure of the step. */
  query(place: Place, query: string, answer: (signal: AbortSignal | undefined) => Promise<string>): Promise<QueryStep>;
}

const NO_CODE: Failure = { code: "NO_CODE", message: "the reply has no fenced block with code" };

/** Ends a Python program: what it calls `result` is its own affair and need not be JSON, for answers are printed. */
const NO_RESULT: SourcePart = { name: "end", source: "result = None" };

/** After these a program runs once more: the machine can be the reason. The second time it is the program. */
const CRASHES: ReadonlySet<SandboxFailure["code"]> = new Set(["SANDBOX_CRASH", "GUEST_CRASH"]);

/** Repeats of one request within a run, and runs of one task, must never share a number. */
const SAMPLES_PER_RUN = 1000;

function failureOf({ code, message, ...rest }: SandboxFailure): Failure {
  const stack = "stack" in rest && rest.stack !== "" ? { stack: rest.stack } : {};
  return { code, message, ...stack };
}

/** The message of what a service threw, which may be any value. */
function messageOf(thrown: unknown): string {
  try {
    return String((thrown as { readonly message?: unknown } | undefined)?.message ?? thrown);
  } catch {
    return "the service failed with an error that cannot be shown";
  }
}

/** What a recorder needs; methods that run nothing go without a sandbox. */
export type RecorderSetup = Pick<Setup, "model" | "sampling" | "limits"> & Partial<Pick<Setup, "sandbox">>;

/** What tells a step's content from others'. */
function hashOf(step: Step): string {
  switch (step.kind) {
    case "model":
      return step.promptHash;
    case "run":
      return step.sourceHash;
    case "query":
      return sha256(step.query);
    case "tool":
      return sha256(step.call.arguments);
  }
}

/** A recorder for one run of a method. */
export function createRecorder(setup: RecorderSetup, { signal, sample = 0, resume = [] }: SolveOptions): Recorder {
  const { model, sandbox, limits } = setup;
  const sampling = setup.sampling ?? DEFAULT_SAMPLING;
  const steps: Step[] = [];

  /** The step of the earlier run that stands here, if there is one; it must be of the same content. */
  function recorded<Kind extends Step["kind"]>(
    kind: Kind,
    place: Place,
    hash: string,
  ): Extract<Step, { kind: Kind }> | undefined {
    const step = resume[steps.length];
    if (step === undefined) return undefined;
    const found = hashOf(step);
    if (step.kind !== kind || step.stage !== place.stage || step.attempt !== place.attempt || found !== hash) {
      throw new StateError({
        message: `resume: step ${steps.length} is ${step.stage} ${step.attempt} of another run; pass steps of the same task, options and sample`,
        index: steps.length,
      });
    }
    steps.push(step);
    return step as Extract<Step, { kind: Kind }>;
  }

  function keep<Kept extends Step>(step: Kept): Kept {
    steps.push(step);
    return step;
  }

  const base = ({ stage, attempt, parent = steps.length - 1 }: Place) => ({
    index: steps.length,
    ...(parent < 0 ? {} : { parent }),
    stage,
    attempt,
  });

  async function call(place: Place, prompt: Prompt): Promise<CallOutcome> {
    const number = sample * SAMPLES_PER_RUN + place.attempt;
    return model.outcome({
      ...sampling,
      ...(sampling.seed === undefined ? {} : { seed: sampling.seed * SAMPLES_PER_RUN + number }),
      messages: messagesOf(prompt),
      sample: number,
      stage: place.stage,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async function runOnce(program: readonly SourcePart[], own: { readonly wallMs?: number }): Promise<SandboxOutcome> {
    if (sandbox === undefined) throw new StateError({ message: "internal: a method without a sandbox ran a program" });
    return sandbox.run(sandbox.language === "python" ? [...program, NO_RESULT] : program, {
      limits: { ...limits, ...own },
      kit: sandbox.language === "javascript",
      ...(signal === undefined ? {} : { signal }),
    });
  }

  return {
    steps,
    async ask(place, prompt, { wantsCode = true } = {}) {
      const hash = promptHash(prompt);
      const before = recorded("model", place, hash);
      if (before !== undefined) return before;
      const asked = { ...base(place), kind: "model", promptHash: hash, prompt: prompt.question } as const;
      const outcome = await call(place, prompt);
      if (!outcome.ok) {
        const { code, message, details } = outcome.error;
        const status = typeof details["status"] === "number" ? { status: details["status"] } : {};
        const failure: Failure = { code, message, ...status };
        return keep<ModelStep>({ ...asked, reply: "", cached: false, durationMs: 0, failure });
      }
      const { text, reasoning, usage, usd, cached, durationMs } = outcome.result;
      const code = sandbox === undefined ? undefined : codeOf(text, sandbox.language);
      const isMissing = wantsCode && code === undefined;
      return keep<ModelStep>({
        ...asked,
        reply: text,
        ...(reasoning === "" ? {} : { reasoning }),
        ...(code === undefined ? {} : { code }),
        usage,
        ...(usd === undefined ? {} : { usd }),
        cached,
        durationMs,
        ...(isMissing ? { failure: NO_CODE } : {}),
      });
    },
    async run(place, program, own = {}) {
      const hash = sha256(JSON.stringify(program));
      const before = recorded("run", place, hash);
      if (before !== undefined) return before;
      let outcome = await runOnce(program, own);
      if (!outcome.ok && CRASHES.has(outcome.failure.code)) outcome = await runOnce(program, own);
      return keep({
        ...base(place),
        kind: "run",
        program,
        sourceHash: hash,
        stdout: outcome.stdout,
        durationMs: outcome.usage.wallMs,
        ...(outcome.ok ? {} : { failure: failureOf(outcome.failure) }),
      });
    },
    async query(place, query, answer) {
      const before = recorded("query", place, sha256(query));
      if (before !== undefined) return before;
      const asked = { ...base(place), kind: "query", query } as const;
      const start = performance.now();
      try {
        const reply = await answer(signal);
        return keep({ ...asked, reply, durationMs: performance.now() - start });
      } catch (error) {
        const message = messageOf(error);
        const failure = { code: signal?.aborted ? "CANCELLED" : "UNAVAILABLE", message } as const;
        return keep({ ...asked, reply: "", durationMs: performance.now() - start, failure });
      }
    },
  };
}
