/** Points and curves as artefacts. */
import { checkOptions, type Files, FormatError } from "@cambium/base";
import type { Parameters } from "@cambium/core";
import type { Tuned } from "@cambium/delta";
import { type Path, type PathKind, pathThrough, sphere } from "../points/path.ts";
import { type PointLike, treeOf } from "../points/point.ts";
import { type LineageStep, loadArtefact, saveArtefact } from "./artefact.ts";

/** Settings of `savePoint` and `savePath`. */
export interface SavePointOptions {
  /** The point. @default where the tuned model is */
  readonly point?: PointLike;
  /** What was done to make it, the first step first. @default nothing is known */
  readonly lineage?: readonly LineageStep[];
}

/** A point that was read. */
export interface StoredPoint {
  readonly id: string;
  /** The caller owns them. */
  readonly parameters: Parameters;
  readonly lineage: readonly LineageStep[];
}

/**
 * Writes a point of a tuned model into a folder: `point.safetensors`, and `point.json` with hashes of the backbone and what the point
 * was made from.
 *
 * @returns Its id, which other lineages may name.
 * @example
 * await savePoint(trained, "runs/points/a", { lineage: [{ made: "train", from: [], settings: { seed: 1 } }] });
 */
export async function savePoint(tuned: Tuned, to: string | Files, options: SavePointOptions = {}): Promise<string> {
  checkOptions("savePoint", options, ["point", "lineage"]);
  const { point = tuned, lineage = [] } = options;
  return saveArtefact(tuned, to, { kind: "point", settings: {}, lineage, trees: new Map([["0", treeOf(point)]]) });
}

/**
 * Reads a point of a tuned model.
 *
 * @throws {ConfigError} When it belongs to another backbone or to other deltas; lists all that differs.
 * @throws {FormatError} When the files are damaged.
 * @example
 * const b = tuned.with((await loadPoint(tuned, "runs/points/b")).parameters);
 */
export async function loadPoint(tuned: Tuned, from: string | Files): Promise<StoredPoint> {
  const { id, lineage, trees } = await loadArtefact(tuned, from, "point");
  return { id, lineage, parameters: trees.get("0")! };
}

/** Settings of `savePath`. */
export type SavePathOptions = Omit<SavePointOptions, "point">;

/** A curve that was read. */
export interface StoredPath {
  readonly id: string;
  /** The caller owns its nodes. */
  readonly path: Path;
  readonly lineage: readonly LineageStep[];
}

/**
 * Writes a curve with its ends and bends into a folder, as `savePoint` does.
 *
 * @returns Its id.
 */
export async function savePath(
  tuned: Tuned,
  path: Path,
  to: string | Files,
  options: SavePathOptions = {},
): Promise<string> {
  checkOptions("savePath", options, ["lineage"]);
  const trees = new Map(path.nodes.map((node, k) => [String(k), node]));
  const { lineage = [] } = options;
  return saveArtefact(tuned, to, { kind: "path", settings: { path: path.kind }, lineage, trees });
}

/**
 * Reads a curve between points of a tuned model.
 *
 * @throws {ConfigError} When it belongs to another backbone or to other deltas; lists all that differs.
 * @throws {FormatError} When the files are damaged.
 */
export async function loadPath(tuned: Tuned, from: string | Files): Promise<StoredPath> {
  const { id, settings, lineage, trees } = await loadArtefact(tuned, from, "path");
  const kind = settings["path"] as PathKind;
  const nodes = [...trees.keys()].sort((a, b) => Number(a) - Number(b)).map((name) => trees.get(name)!);
  if (kind === "line" || kind === "bezier" || kind === "polychain")
    return { id, lineage, path: pathThrough(kind, nodes) };
  if (kind === "sphere") return { id, lineage, path: await sphere(nodes[0]!, nodes[1]!) };
  throw new FormatError({ message: `loadPath: "${String(kind)}" is no kind of curve` });
}
