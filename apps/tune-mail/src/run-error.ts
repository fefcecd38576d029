/** Something outside the program is not as it must be, or a part of it failed: exit code 1. */
export class RunError extends Error {
  readonly code: string = "RUN";
}
