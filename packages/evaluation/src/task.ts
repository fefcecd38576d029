/** What a solver is asked. A method may ask for more than this: `Solver` is generic in its task. */
export interface Task {
  readonly question: string;
  /** What has to be read with the question: a table, constants, a document. */
  readonly context?: string;
}

/** What an evaluation knows of a task and no solver sees. */
export interface RowFields {
  /** Unique among the rows of a run. */
  readonly id: string;
  /** The right answer as text. */
  readonly answer: string;
  /** By what a report is split: for example the branch of mathematics. */
  readonly subject?: string;
  /** Difficulty, or the school grade. */
  readonly level?: string;
}

/** A row of an evaluation: a task with its right answer. */
export type Row<Asked extends Task = Task> = Asked & RowFields;

/** The task of a row: everything but the fields of `RowFields`. */
export function taskOf<Asked extends Task>(row: Row<Asked>): Asked {
  const { id: _id, answer: _answer, subject: _subject, level: _level, ...task } = row;
  return task as unknown as Asked;
}
