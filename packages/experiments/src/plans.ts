/**
 * The plans that a folder's runs were made under. The first call of `runStudy` writes the plan; a later call with another
 * one is refused, with what differs, until the change is accepted. Accepted changes stay on record, because a criterion
 * that was changed after the results were in is worth less than one stated before.
 */
import { link, mkdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import {
  canonicalJson,
  FileError,
  FormatError,
  folder,
  type Json,
  type JsonObject,
  readJson,
  StateError,
  sha256,
} from "@cambium/base";
import type { Study } from "./study.ts";

/** A plan as it was accepted. */
export interface PlanRevision {
  readonly plan: JsonObject;
  /** When, in ISO 8601. */
  readonly acceptedAt: string;
  /** Results that the folder held by then. */
  readonly results: number;
}

/** A value that differs between two plans. */
export interface PlanChange {
  /** Such as `factors.seed`. */
  readonly path: string;
  /** Absent where it was not there. */
  readonly before?: Json;
  readonly after?: Json;
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** What differs between two plans; lists of plain levels are compared as a whole. */
export function comparePlans(before: Json | undefined, after: Json | undefined, path = ""): PlanChange[] {
  if (canonicalJson(before ?? null) === canonicalJson(after ?? null)) return [];
  const isList = (value: unknown): value is readonly Json[] => Array.isArray(value) && value.some(isObject);
  if ((isObject(before) && isObject(after)) || (isList(before) && isList(after))) {
    const [from, to] = [before, after] as unknown as Record<string, Json | undefined>[];
    const keys = [...new Set([...Object.keys(from!), ...Object.keys(to!)])];
    return keys.flatMap((key) => comparePlans(from![key], to![key], path === "" ? key : `${path}.${key}`));
  }
  return [{ path, ...(before === undefined ? {} : { before }), ...(after === undefined ? {} : { after }) }];
}

/** A change in words: `factors.seed: [1,2] became [1,2,3]`. */
export function changeText({ path, before, after }: PlanChange): string {
  const show = (value: Json | undefined): string => {
    const text = value === undefined ? "nothing" : canonicalJson(value);
    return text.length > 80 ? `${text.slice(0, 77)}...` : text;
  };
  return `${path}: ${show(before)} became ${show(after)}`;
}

const fileOf = (index: number): string => `${String(index + 1).padStart(4, "0")}.json`;

/** Plans of a folder in order; the last one is in force. */
export async function loadPlans(path: string): Promise<PlanRevision[]> {
  const files = folder(join(path, "plans"));
  const names = (await files.list()).map(({ name }) => name).filter((name) => /^\d{4}\.json$/.test(name));
  return Promise.all(
    names.map(async (name, index) => {
      const value = await readJson(files, name);
      const revision = value as PlanRevision;
      if (
        name === fileOf(index) &&
        isObject(value) &&
        isObject(revision.plan) &&
        typeof revision.acceptedAt === "string"
      )
        return revision;
      throw new FormatError({ message: `loadPlans: "${name}" in ${files.location} is no plan of a study`, name });
    }),
  );
}

/** Writes a plan as the next one; false when another process has just written one. */
async function append(path: string, index: number, revision: PlanRevision): Promise<boolean> {
  const directory = join(resolve(path), "plans");
  const temporary = join(directory, `.${fileOf(index)}.${crypto.randomUUID()}.tmp`);
  try {
    await mkdir(directory, { recursive: true });
    await writeFile(temporary, `${JSON.stringify(revision, null, 1)}\n`, { flush: true });
    await link(temporary, join(directory, fileOf(index)));
    return true;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return false;
    const reason = code === "ENOSPC" || code === "EDQUOT" ? "full" : "other";
    throw new FileError({ message: `runStudy: the plan cannot be written: ${message}`, cause: error, reason, path });
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined); // the first error is the one to tell
  }
}

/**
 * Holds a folder to a plan: writes the first one, and refuses another one unless the change is accepted.
 *
 * @returns Hash of the plan: 32 hexadecimal digits.
 * @throws {StateError} When the plan differs from the folder's; `details.changes` lists how.
 */
export async function agreePlan(study: Study, path: string, results: number, acceptChanges: boolean): Promise<string> {
  for (;;) {
    const plans = await loadPlans(path);
    const changes = plans.length === 0 ? [] : comparePlans(plans.at(-1)!.plan, study.plan);
    if (plans.length > 0 && changes.length === 0) return sha256(canonicalJson(study.plan)).slice(0, 32);
    if (changes.length > 0 && !acceptChanges) {
      throw new StateError({
        message: `runStudy: the plan of "${study.name}" is not the one that ${resolve(path)} was begun with: ${changes.map(changeText).join("; ")}. Take another folder, or accept the change (acceptChanges, in a command --accept-changes): results that it does not touch are kept, and the report tells that the plan was changed`,
        changes,
      });
    }
    await append(path, plans.length, { plan: study.plan, acceptedAt: new Date().toISOString(), results });
  }
}
