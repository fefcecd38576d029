import type { Json } from "@cambium/base";
import { sha256 } from "@cambium/base";
import type { Failure, FailureCode, Solved, Status } from "@cambium/evaluation";
import { type Task, taskOf } from "../problem.ts";
import type { Recorder } from "../solving/recorder.ts";
import { silentFailure } from "../solving/stage.ts";

const STATUSES: Readonly<Partial<Record<FailureCode, Status>>> = {
  CANCELLED: "cancelled",
  BUDGET_EXCEEDED: "budget_exceeded",
};

/** What a method knows at its end. */
export interface Finish {
  readonly name: string;
  readonly settings: Json;
  readonly task: Task;
  readonly sample: number;
  readonly recorder: Recorder;
  readonly stdout: string;
  readonly answer?: string | undefined;
  readonly failure?: Failure | undefined;
  readonly firstTry: boolean;
}

/** The end event of a baseline. */
export function finish({ name, settings, task, sample, recorder, stdout, answer, failure, firstTry }: Finish): Solved {
  const status = failure === undefined ? "done" : (STATUSES[failure.code] ?? "failed");
  const told = {
    ...(answer === undefined || failure !== undefined ? {} : { answer }),
    ...(failure === undefined ? {} : { failure }),
  };
  const seen = taskOf(task);
  const id = sha256(JSON.stringify([name, settings, seen, sample]));
  const trajectory = { id, method: name, task: seen, sample, steps: recorder.steps, status, ...told };
  return {
    type: "end",
    status,
    ...told,
    stdout,
    firstTry: firstTry && status === "done",
    ...silentFailure(recorder.steps),
    trajectory,
  };
}
