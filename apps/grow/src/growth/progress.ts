import type { TrainEvent } from "@cambium/train";

/** Steps from one line to the next. */
const LINE_EVERY = 20;

function clock(milliseconds: number): string {
  const minutes = Math.max(0, Math.round(milliseconds / 60_000));
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** What a line says beside the step. */
export interface ProgressOptions {
  /** Pieces in a step. */
  readonly pieces: number;
  /** Steps of the whole run, of which `before` are not counted in the events. */
  readonly steps: number;
  readonly before: number;
}

/** A function that turns events into lines: step, mean loss, rate, pieces per second and the time left at this pace. */
export function createProgress(
  { pieces, steps, before }: ProgressOptions,
  report: (line: string) => void,
): (event: TrainEvent) => void {
  let losses: number[] = [];
  let durations: number[] = [];
  return (event) => {
    if (event.type === "evaluation") {
      const measured = Object.entries(event.metrics).map(([name, value]) => `${name} ${value.toPrecision(3)}`);
      report(`held out after ${before + event.step} steps: ${measured.join(", ")}`);
    }
    if (event.type !== "step") return;
    const step = before + event.step;
    losses.push(event.loss);
    durations.push(event.durationMs);
    if (step % LINE_EVERY !== 0 && step !== steps) return;
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    const speed = Math.round(pieces / (mean(durations) / 1000));
    const left = clock(mean(durations) * (steps - step));
    report(
      `step ${step} of ${steps}  loss ${mean(losses).toFixed(4)}  rate ${event.learningRate.toExponential(2)}  ${speed} pieces/s  ${left} left`,
    );
    losses = [];
    durations = [];
  };
}
