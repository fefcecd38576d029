/** What a study states of itself. */
import type { JsonObject } from "@cambium/base";
import type { Study } from "@cambium/experiments";
import type { Settings } from "./flags.ts";
import type { PageText } from "./page.ts";

/** How much of everything a study takes. */
export interface NamedExtent {
  readonly name: "full" | "smoke";
}

/** A part, which is one study with a folder. */
export interface Part {
  readonly name: string;
  readonly title: string;
  readonly about: string;
  readonly study: Study;
  readonly folder: string;
  /** Why its runs cannot start yet. */
  readonly waitsFor?: string;
  /** What it needs and does not find: it cannot even be planned. */
  readonly lacks?: string;
}

/** An option that one study has beside those of all; its value is a text. */
export interface OwnOption {
  /** What stands for the value in the help, such as `<folder>`. */
  readonly value: string;
  readonly help: string;
}

/** A verb that one study has beside those of all. */
export interface OwnVerb<Extent extends NamedExtent> {
  readonly help: string;
  /** @returns The exit code. */
  run(settings: Settings<Extent>): Promise<number>;
}

/** A study as a command. */
export interface StudyProgram<Extent extends NamedExtent, OfPart extends Part = Part> {
  /** As in `pnpm study:<name>`; results are in `runs/<name>`, the page is `docs/results/<name>.md`. */
  readonly name: string;
  /** The first line of the help. */
  readonly about: string;
  /** Further lines of the help, such as where models are looked for. */
  readonly notes?: string;
  /** What a smoke run is, for the help. */
  readonly smokeAbout: string;
  /** Arguments of the example in the help. */
  readonly example: string;
  readonly full: Extent;
  readonly smoke: Extent;
  readonly options?: Readonly<Record<string, OwnOption>>;
  readonly verbs?: Readonly<Record<string, OwnVerb<Extent>>>;
  /**
   * Checks the study's own options, and alters what follows from them; `given` holds the names of all options that were given.
   *
   * @throws {ConfigError} When they cannot be meant.
   */
  adjust?(settings: Settings<Extent>, given: ReadonlySet<string>): Settings<Extent>;
  /** The parts in the order in which they are run, with their results below the folder. */
  partsOf(extent: Extent, folder: string): readonly OfPart[] | Promise<readonly OfPart[]>;
  /** What a finished run gave, in a few words. @default its first metric */
  resultText?(result: JsonObject): string;
  /** Further lines of the plan. */
  planNotes?(extent: Extent): Promise<readonly string[]>;
  readonly page: PageText<Extent, OfPart>;
  /** How long runs that are told to stop may take to come to a checkpoint before they are killed. In ms. @default 30000 */
  readonly graceMs?: number;
}
