import { parseArgs } from "node:util";
import { ConfigError, nearest } from "@cambium/base";
import type { NamedExtent, StudyProgram } from "./program.ts";

/** What a call does. */
export interface Settings<Extent extends NamedExtent = NamedExtent> {
  readonly verb: string;
  readonly extent: Extent;
  readonly only?: readonly string[];
  readonly workers: number;
  /** Time after which runs are stopped, in minutes. */
  readonly minutes?: number;
  /** Whether runs that failed are tried again. */
  readonly retryFailed: boolean;
  /** Whether a plan that changed since the folder was begun takes the old one's place. */
  readonly acceptChanges: boolean;
  readonly out: string;
  readonly page?: string;
  /** The study's own options that were given. */
  readonly own: Readonly<Record<string, string>>;
}

const VERBS: Readonly<Record<string, string>> = {
  plan: "measures one step of each kind of run, and shows runs, hours and claims; starts nothing",
  run: "does all runs without a result, part after part; the same command resumes",
  status: "how far each part is, and where its claims stand",
  report: "writes the page with its figures, and report.html, from the results that there are",
};

/** An error about the command line. */
export const wrongUse = (message: string, cause?: unknown): ConfigError =>
  new ConfigError({ message: `${message}; --help lists the options`, cause });

const verbsOf = <Extent extends NamedExtent>({ verbs = {} }: StudyProgram<Extent>): Record<string, string> => ({
  ...VERBS,
  ...Object.fromEntries(Object.entries(verbs).map(([name, { help }]) => [name, help])),
});

/** What `--help` shows. */
export function helpOf<Extent extends NamedExtent>(program: StudyProgram<Extent>): string {
  const { name, about, notes, smokeAbout, example, options = {} } = program;
  const verbs = verbsOf(program);
  const lines = (rows: readonly (readonly [string, string])[]): string =>
    rows.map(([left, right]) => `  ${left.padEnd(19)}${right}`).join("\n");
  const table = [
    ["--only <parts>", "some parts, with commas between them"],
    ["--workers <count>", "runs at once, each on one core (default 1)"],
    ["--minutes <count>", "of run: stops after so many minutes, with exit code 130; the same command resumes"],
    ["--retry-failed", "of run: tries runs again that failed before"],
    [
      "--accept-changes",
      "of run: lets a changed plan replace the one that the folder was begun with; the report tells",
    ],
    ["--out <folder>", `where results are (default runs/${name})`],
    ["--page <file>", `the page (default docs/results/${name}.md; of --smoke, page.md in the folder)`],
    ...Object.entries(options).map(([option, { value, help }]): [string, string] => [`--${option} ${value}`, help]),
    ["--smoke", `${smokeAbout}, under a minute: does everything work here?`],
    ["--help", "this text"],
  ] as const;
  return [
    about,
    `Usage: pnpm study:${name} <${Object.keys(verbs).join("|")}> [options]`,
    lines(Object.entries(verbs)),
    lines(table),
    ...(notes === undefined ? [] : [notes]),
    `Example: pnpm study:${name} ${example}\n`,
  ].join("\n\n");
}

function numberOf(option: string, text: string, what: string, isRight: (value: number) => boolean): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!isRight(value)) throw wrongUse(`--${option}: expected ${what}, got "${text}"`);
  return value;
}

function read(args: readonly string[], own: readonly string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const shared = {
    ...{ only: text, workers: text, minutes: text, out: text, page: text },
    ...{ "retry-failed": flag, "accept-changes": flag, smoke: flag, help: flag },
  };
  const options = { ...Object.fromEntries(own.map((name) => [name, text])), ...shared };
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options });
  } catch (cause) {
    throw wrongUse((cause as Error).message.split(". ")[0]!, cause);
  }
}

/**
 * Reads a command line; nothing where help was asked for.
 *
 * @throws {ConfigError} When a verb or an option is unknown, or a value cannot be meant.
 */
export function readSettings<Extent extends NamedExtent>(
  program: StudyProgram<Extent>,
  args: readonly string[],
): Settings<Extent> | undefined {
  const ownNames = Object.keys(program.options ?? {});
  const { values, positionals } = read(args, ownNames);
  if (values.help) return undefined;
  const verbs = Object.keys(verbsOf(program));
  const [verb = "", ...more] = positionals;
  if (!verbs.includes(verb) || more.length > 0) {
    const close = nearest(verb, verbs);
    const hint = close === undefined || more.length > 0 ? "" : `, is ${close} meant?`;
    throw wrongUse(`expected one of ${verbs.join(", ")}, got "${positionals.join(" ")}"${hint}`);
  }
  const workers = numberOf(
    "workers",
    values.workers ?? "1",
    "a whole number from 1",
    (value) => Number.isSafeInteger(value) && value >= 1,
  );
  if (values.minutes !== undefined && verb !== "run") throw wrongUse(`--minutes is of run, and this is ${verb}`);
  for (const name of ["retry-failed", "accept-changes"] as const) {
    if (values[name] && verb !== "run") throw wrongUse(`--${name} is of run, and this is ${verb}`);
  }
  const minutes =
    values.minutes === undefined
      ? undefined
      : numberOf("minutes", values.minutes, "a number above 0", (value) => value > 0 && value < 10_000);
  const only = values.only?.split(",");
  const texts: Readonly<Record<string, string | boolean | undefined>> = values;
  const given = Object.keys(texts).filter((name) => texts[name] !== undefined && texts[name] !== false);
  const settings: Settings<Extent> = {
    verb,
    extent: values.smoke ? program.smoke : program.full,
    workers,
    retryFailed: values["retry-failed"],
    acceptChanges: values["accept-changes"],
    out: values.out ?? `runs/${program.name}${values.smoke ? "-smoke" : ""}`,
    own: Object.fromEntries(ownNames.filter((name) => given.includes(name)).map((name) => [name, String(texts[name])])),
    ...(minutes !== undefined && { minutes }),
    ...(only !== undefined && { only }),
    ...(values.page !== undefined && { page: values.page }),
  };
  return program.adjust?.(settings, new Set(given)) ?? settings;
}
