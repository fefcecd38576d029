import type { Failure, FailureCode } from "../failure.ts";
import { sha256 } from "../hash.ts";
import { type Task, taskOf } from "../problem.ts";
import type { JsonValue } from "../sandbox/json.ts";
import type { Recorder } from "../solving/recorder.ts";
import type { Solved } from "../solving/solver.ts";
import type { Status } from "../trajectory.ts";

const STATUSES: Readonly<Partial<Record<FailureCode, Status>>> = {
  cancelled: "cancelled",
  tool_cancelled: "cancelled",
  budget_exceeded: "budget_exceeded",
};

/** What a method knows at its end. */
export interface Finish {
  readonly name: string;
  readonly settings: JsonValue;
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
  return { type: "end", status, ...told, stdout, firstTry: firstTry && status === "done", trajectory };
}
