/** Where a text that must have a form stands, and what may follow. A value: `next` gives another. */
export interface Constraint {
  /** Whether the text has the form as it is. */
  readonly isWhole: boolean;
  /** Whether nothing may follow. */
  readonly isFull: boolean;
  /** Whether this place is within a part whose end its form alone decides: strings that end a text do not there. @default false */
  readonly isApart?: boolean;
  /** Rules out the ids that no text of the form has next, and the ends unless the text is whole. */
  rule(scores: Float32Array, ends: ReadonlySet<number>): void;
  /** Behind one more id, which was not ruled out. */
  next(id: number): Constraint;
}
