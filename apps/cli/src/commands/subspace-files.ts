/** What `cambium subspace` keeps in a folder beside the subspace itself. */
import { join } from "node:path";
import { type Files, folder, readJson } from "@cambium/base";
import { UseError } from "../io.ts";

/** What a folder of a subspace says of itself. */
export interface SubspaceIndex {
  /** Tells fits apart: coordinates of another one mean nothing here. */
  readonly id: string;
  readonly dimension: number;
  readonly methods: readonly string[];
  readonly tasks: readonly string[];
}

const INDEX = "subspace.json";

/** Where an adapter of a method lies: its shape, and the head of the first task. */
export const methodFolder = (space: string, method: string): string => join(space, "methods", method);

/** Writes the index, at last: a folder without it is not finished. */
export function writeIndex(files: Files, index: SubspaceIndex): Promise<void> {
  return files.write(INDEX, `${JSON.stringify(index, null, 1)}\n`);
}

const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((text) => typeof text === "string");

/**
 * Reads the index of a subspace.
 *
 * @throws {UseError} When the folder has none, it is damaged, or it lacks the method.
 */
export async function readIndex(verb: string, space: string, method: string): Promise<SubspaceIndex> {
  let index: SubspaceIndex;
  try {
    index = (await readJson(folder(space), INDEX)) as unknown as SubspaceIndex;
  } catch (cause) {
    throw new UseError(`${verb}: ${space} is no subspace; cambium subspace fit makes one`, { cause });
  }
  const { id, dimension, methods, tasks } = index;
  if (typeof id !== "string" || !Number.isInteger(dimension) || !isTexts(methods) || !isTexts(tasks))
    throw new UseError(`${verb}: ${INDEX} in ${space} is damaged; cambium subspace fit writes another one`);
  if (!index.methods.includes(method))
    throw new UseError(`${verb}: the subspace has no method "${method}"; it has ${index.methods.join(", ")}`);
  return index;
}

/** Coordinates of a task, as `optimise` writes them beside the adapter. */
export interface StoredCoordinates {
  /** The subspace that they are of. */
  readonly space: string;
  readonly method: string;
  readonly coordinates: readonly number[];
}

const COORDINATES = "coordinates.json";

/** Writes coordinates into a folder of an adapter. */
export function writeCoordinates(at: string, stored: StoredCoordinates): Promise<void> {
  return folder(at).write(COORDINATES, `${JSON.stringify(stored, null, 1)}\n`);
}

/**
 * Reads coordinates of a subspace.
 *
 * @throws {UseError} When there are none, they are damaged, or they are of another subspace.
 */
export async function readCoordinates(
  verb: string,
  at: string,
  { id, dimension }: SubspaceIndex,
): Promise<StoredCoordinates> {
  let stored: StoredCoordinates;
  try {
    stored = (await readJson(folder(at), COORDINATES)) as unknown as StoredCoordinates;
  } catch (cause) {
    throw new UseError(`${verb}: ${at} has no ${COORDINATES}; cambium subspace optimise writes it`, { cause });
  }
  const { space, method, coordinates } = stored;
  const isWhole =
    typeof space === "string" &&
    typeof method === "string" &&
    Array.isArray(coordinates) &&
    coordinates.every((value) => typeof value === "number");
  if (!isWhole) throw new UseError(`${verb}: ${COORDINATES} in ${at} is damaged; cambium subspace optimise writes it`);
  if (space !== id || coordinates.length !== dimension)
    throw new UseError(`${verb}: the coordinates in ${at} are of another subspace, where they mean something else`);
  return stored;
}

/** Throws where a folder has something in it. */
export async function checkEmpty(verb: string, at: string): Promise<void> {
  if ((await folder(at).list()).length > 0) throw new UseError(`${verb}: ${at} is not empty; name another folder`);
}
