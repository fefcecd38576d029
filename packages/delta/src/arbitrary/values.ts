/** From a choice to tensors: which there are for what is chosen of each candidate, and what the candidate becomes by them. */
import { editWeight, type Parameters, zeroStart } from "@cambium/core";
import { add, type Tensor, type Tensor1D, type Tensor2D, tensor1d, tensor2d, zeros } from "@tensorflow/tfjs-core";
import { type Host, tablesOf } from "../host.ts";
import type { DeltaTensor, DeltaTensors } from "../method.ts";
import { startsAtZero } from "./candidates.ts";
import type { Pick, Selection } from "./manifest.ts";

/** Where the values of a choice are. */
export interface Values {
  readonly parameters: Parameters;
  readonly buffers: Parameters;
}

const given = (make: () => Tensor, shape: readonly number[]): DeltaTensor => ({
  shape,
  dtype: "int32",
  start: { kind: "given", make },
  isStored: false, // the config says it
});

/**
 * The tensors of a choice. Increments are called like their weights, with `.rows` and `.scalars` for parts of them, and
 * start at zero; tensors of other methods that are chosen whole start as there.
 */
export function tensorsOf(host: Host, { picks }: Selection): DeltaTensors {
  const tables = tablesOf(host.sites());
  const trained = new Map<string, DeltaTensor>();
  const frozen = new Map<string, DeltaTensor>();
  for (const { candidate, all, rows, scalars } of picks) {
    const { name, shape, spec, width } = candidate;
    if (all) {
      trained.set(name, spec ?? { shape, start: zeroStart });
      continue;
    }
    if (rows.length > 0) {
      trained.set(`${name}.rows`, { shape: [rows.length, ...shape.slice(1)], start: zeroStart });
      frozen.set(
        `${name}.rows.index`,
        given(() => tensor1d(rows, "int32"), [rows.length]),
      );
    }
    if (scalars.length > 0) {
      trained.set(`${name}.scalars`, { shape: [scalars.length], start: zeroStart });
      frozen.set(
        `${name}.scalars.index`,
        given(() => tensor1d(scalars, "int32"), [scalars.length]),
      );
    }
    if (tables.has(name)) {
      const [count] = shape as [number];
      const ofRows = rows.length === 0 ? undefined : slotsOfRows(rows, count);
      if (ofRows !== undefined) frozen.set(`${name}.rows.slots`, ofRows);
      const most = mostInRow(scalars, count, width);
      if (most > 0 && most <= width / 4) {
        frozen.set(`${name}.scalars.slots`, slotsOfScalars(scalars, count, width, most, "slots"));
        frozen.set(`${name}.scalars.columns`, slotsOfScalars(scalars, count, width, most, "columns"));
      }
    }
  }
  for (const { candidate } of startsNeeded(picks)) frozen.set(`${candidate.name}.start`, candidate.spec!);
  return { trained, frozen };
}

/** Tensors of methods that are chosen in part, and do not start at zero. */
function startsNeeded(picks: readonly Pick[]): readonly Pick[] {
  return picks.filter(({ candidate: { spec }, all }) => !all && spec !== undefined && !startsAtZero(spec));
}

function slotsOfRows(rows: Int32Array, count: number): DeltaTensor {
  return given(() => {
    const slots = new Int32Array(count).fill(rows.length);
    for (const [slot, row] of rows.entries()) slots[row] = slot;
    return tensor2d(slots, [count, 1], "int32");
  }, [count, 1]);
}

/** The largest number of scalars in one row. */
function mostInRow(scalars: Int32Array, count: number, width: number): number {
  const counts = new Int32Array(count);
  let most = 0;
  for (const place of scalars) most = Math.max(most, ++counts[Math.floor(place / width)]!);
  return most;
}

function slotsOfScalars(
  scalars: Int32Array,
  count: number,
  width: number,
  most: number,
  what: "slots" | "columns",
): DeltaTensor {
  return given(() => {
    const table = new Int32Array(count * most).fill(what === "slots" ? scalars.length : 0);
    const filled = new Int32Array(count);
    for (const [slot, place] of scalars.entries()) {
      const row = Math.floor(place / width);
      table[row * most + filled[row]!++] = what === "slots" ? slot : place - row * width;
    }
    return tensor2d(table, [count, most], "int32");
  }, [count, most]);
}

/** A weight with its increments. Edits after one another, so that each has its own gradient. */
export function incremented(
  weight: Tensor,
  { candidate: { name }, all }: Pick,
  { parameters, buffers }: Values,
): Tensor {
  if (all) return add(weight, parameters.get(name)!);
  let value = weight;
  for (const by of ["rows", "scalars"] as const) {
    const values = parameters.get(`${name}.${by}`);
    if (values === undefined) continue;
    const [slots, columns] = ["slots", "columns"].map(
      (what) => buffers.get(`${name}.${by}.${what}`) as Tensor2D | undefined,
    );
    value = editWeight(value, {
      values,
      index: buffers.get(`${name}.${by}.index`)! as Tensor1D,
      by,
      ...(slots !== undefined && { slots }),
      ...(columns !== undefined && { columns }),
    });
  }
  return value;
}

/** A tensor of a method, of which all or a part is trained. */
export function methodValue(pick: Pick, values: Values): Tensor {
  const { name, shape } = pick.candidate;
  if (pick.all) return values.parameters.get(name)!;
  return incremented(values.buffers.get(`${name}.start`) ?? zeros([...shape]), pick, values);
}
