/** A row of the file. The first `TRAIN` rows are trained on, the others evaluate. */
export interface JobRow {
  readonly text: string;
  readonly label: string;
}

/** Rows to train on. */
export const TRAIN = 2000;
