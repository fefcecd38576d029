/**
 * Labelled text as training rows: tables read strictly, splits without leaks, and measures per class.
 *
 * @module
 */
export type { Columns } from "./read/columns.ts";
export type { LabelKind } from "./read/labels.ts";
export { readTable, type Table, type TableRow } from "./read/read-table.ts";
export type { Role, TableFormat, TableOptions, TableSource } from "./read/table-options.ts";
