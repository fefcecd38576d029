import { javascriptShape } from "./javascript.ts";
import { pythonShape } from "./python.ts";

/** A statement at the top of a program. */
export interface Statement {
  /** Its text, with the comments right before it. */
  readonly source: string;
  /** Names it declares. */
  readonly declares: readonly string[];
  /** Names it refers to; members of objects as `object.member` too. */
  readonly uses: ReadonlySet<string>;
  /** Set when it declares a function or a class. */
  readonly callable?: {
    /** Parameters as written. */
    readonly parameters: readonly string[];
    /** The documentation block, without its marks. */
    readonly documentation: string;
  };
  /** Whether it only declares: constants, functions, classes, imports. */
  readonly isDeclaration: boolean;
}

/** A program by its statements. */
export type ProgramShape = readonly Statement[];

/** The statements of a program, or `undefined` when it is no program of the language. */
export function shapeOf(source: string, language: "javascript" | "python"): ProgramShape | undefined {
  return language === "javascript" ? javascriptShape(source) : pythonShape(source);
}

/** A program taken apart. */
export interface SplitProgram {
  /** Functions, classes and what they need. */
  readonly tool: string;
  /** The rest: what sets the inputs, calls and prints. */
  readonly call: string;
}

/**
 * Takes a whole program apart into the tool and the code that calls it: functions, classes, imports and the constants that
 * those refer to are the tool.
 *
 * @returns `undefined` when the program cannot be read or holds no function.
 */
export function splitProgram(source: string, language: "javascript" | "python"): SplitProgram | undefined {
  const shape = shapeOf(source, language);
  if (shape === undefined || !shape.some(({ callable }) => callable !== undefined)) return undefined;
  const isImport = ({ isDeclaration, declares }: Statement): boolean => isDeclaration && declares.length === 0;
  const tool = new Set(shape.filter((statement) => statement.callable !== undefined || isImport(statement)));
  const declaring = new Map<string, Statement[]>();
  for (const statement of shape) {
    if (!statement.isDeclaration) continue;
    for (const name of statement.declares) {
      const statements = declaring.get(name);
      if (statements === undefined) declaring.set(name, [statement]);
      else statements.push(statement);
    }
  }
  // A set takes members while it is walked, so that what the new ones need is added too.
  for (const { uses } of tool) {
    for (const name of uses) {
      for (const needed of declaring.get(name) ?? []) tool.add(needed);
      declaring.delete(name); // all of them are in: thousands of users of a name need no second look
    }
  }
  const join = (statements: readonly Statement[]): string => statements.map(({ source }) => source).join("\n");
  return {
    tool: join(shape.filter((statement) => tool.has(statement))),
    call: join(shape.filter((statement) => !tool.has(statement))),
  };
}
