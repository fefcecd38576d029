import type { TrainEvent } from "@cambium/train";

/** Steps from one line to the next. */
const LINE_EVERY = 20;

function clock(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * A function that turns events into lines: step, mean loss, rate, pieces per second and the time left.
 *
 * @param steps - Steps of the whole run.
 */
export function createProgress(
  steps: number,
  piecesPerStep: number,
  report: (line: string) => void,
): (event: TrainEvent) => void {
  let losses: number[] = [];
  let durations: number[] = [];
  return (event) => {
    if (event.type === "evaluation") {
      const measured = Object.entries(event.metrics).map(([name, value]) => `${name} ${value.toFixed(1)}`);
      report(`held-out perplexity after ${event.step} steps: ${measured.join(", ")}`);
    }
    if (event.type !== "step") return;
    losses.push(event.loss);
    durations.push(event.durationMs);
    if (event.step % LINE_EVERY !== 0 && event.step !== steps) return;
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
    const seconds = mean(durations) / 1000;
    report(
      `step ${event.step}/${steps}  loss ${mean(losses).toFixed(4)}  rate ${event.learningRate.toExponential(2)}  ${Math.round(piecesPerStep / seconds)} pieces/s  ${clock(seconds * (steps - event.step))} left`,
    );
    losses = [];
    durations = [];
  };
}
