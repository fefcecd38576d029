/** What the verbs of `cambium study` share: the study that a module exports, and the words for what happens. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Cell, defaultFolder, type Progress, type Study } from "@cambium/experiments";
import { UseError } from "../io.ts";
import { countText, durationText } from "./cost-text.ts";

/** What every verb takes. */
export interface StudyFlags {
  readonly out?: string;
  readonly json?: true;
}

/** The study that a module exports by default. */
export async function loadStudyModule(verb: string, path: string): Promise<Study> {
  if (!existsSync(path)) throw new UseError(`study ${verb}: there is no file ${path}`);
  let module: { readonly default?: Partial<Study> };
  try {
    module = await import(pathToFileURL(resolve(path)).href);
  } catch (cause) {
    const { code, message } = cause as Error & { code?: string };
    if (code === "CONFIG") throw cause;
    throw new UseError(`study ${verb}: ${path} cannot be loaded: ${message}`, { cause });
  }
  const { cells, plan } = module.default ?? {};
  if (cells === undefined || plan === undefined) {
    throw new UseError(`study ${verb}: ${path} must export a study by default: export default defineStudy({ … })`);
  }
  return module.default as Study;
}

/** Where the study's results are. */
export const folderOf = (study: Study, { out }: StudyFlags): string => out ?? defaultFolder(study);

/** A cell and its budget in words. */
export function runText(cell: Cell, budget?: number): string {
  const levels = Object.entries(cell).map(([factor, level]) => `${factor} ${level}`);
  return [...levels, ...(budget === undefined ? [] : [countText(budget, "step")])].join(", ");
}

/** How far a study is, in a few words. */
export function progressText({ done, failed, total, remainingMs }: Progress): string {
  const broken = failed === 0 ? "" : `, ${failed} failed`;
  const left = done + failed === total || remainingMs === undefined ? "" : `, about ${durationText(remainingMs)} left`;
  return `${done} of ${countText(total, "run")} done${broken}${left}`;
}
