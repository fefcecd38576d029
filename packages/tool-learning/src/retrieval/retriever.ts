/** A tool that was found. */
export interface FoundTool {
  readonly name: string;
  /** Higher is better; comparable within one search only. */
  readonly score: number;
}

/** Settings of one search. */
export interface SearchOptions {
  /** Most tools that are found. @default 5 */
  readonly count?: number;
  /** Which tools may be found: permissions, tenants. Others take no part in the ranking. @default all */
  readonly filter?: (name: string) => boolean;
}

/** Finds the tools that a request needs. */
export interface Retriever {
  /** Name of the method, for trajectories and reports. */
  readonly name: string;
  /** The best tools, the best first. */
  search(query: string, options?: SearchOptions): readonly FoundTool[] | Promise<readonly FoundTool[]>;
}
