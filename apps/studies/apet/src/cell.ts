/** What every cell of every part has. */
export interface Cell {
  /** A sapling, `minilm` or `smollm2`. */
  readonly model: string;
  readonly task: string;
  /** Rows of each class to learn from. */
  readonly rows: number;
  readonly steps: number;
  readonly seed: number;
  /** Learning rate of what is trained beside the head; of the head where that is all. */
  readonly rate: number;
}

/** What every run returns. In percent, but for the numbers of rows and of parameters. */
export interface Measured extends Record<string, number> {
  /** Of the test rows; in a run of the tuning, of the development rows. */
  readonly accuracy: number;
  /** Share of the most frequent class among them. */
  readonly majority: number;
  readonly measured: number;
  /** Scalars that were trained beside the head. */
  readonly trained: number;
}
