/**
 * Deltas of a model whose units stand in another order than the new model's: neurons and heads that changed places without a change of
 * what is computed. The delta follows the units; the new model stays as it is.
 */
import { ConfigError } from "@cambium/base";
import { align, type Member, permuteUnits, type SymmetryGroup, symmetriesOf } from "@cambium/connectivity";
import { disposeParameters, type Parameters, type Site } from "@cambium/core";
import { attach, type Delta, type Tuned } from "@cambium/delta";
import type { LanguageModel } from "@cambium/models";

/** A group of units, and for each place in the new model the place in the old one. */
interface Moved {
  readonly group: SymmetryGroup;
  readonly order: Uint32Array;
}

/** Groups whose units stand elsewhere in the new model, and the old model's weights in the new order, which the caller owns. */
async function movedGroups(
  old: LanguageModel,
  current: LanguageModel,
): Promise<{ readonly moved: readonly Moved[]; readonly weights: Parameters }> {
  const { parameters, groups } = await align(current, old);
  try {
    const names = new Set(groups.filter(({ moved: count }) => count > 0).map(({ name }) => name));
    const moved: Moved[] = [];
    for (const group of symmetriesOf(old)) {
      if (!names.has(group.name)) continue;
      if (group.members.some(({ width }) => width !== group.members[0]!.width))
        throw new ConfigError({
          message: `recycle: heads at ${group.name} share keys and stand in another order, which deltas cannot follow; align the new model itself`,
        });
      const [before, after] = [await unitsOf(group, old.parameters), await unitsOf(group, parameters)];
      const places = new Map(before.map((unit, i) => [unit, i]));
      moved.push({ group, order: Uint32Array.from(after, (unit) => places.get(unit)!) });
    }
    return { moved, weights: parameters };
  } catch (error) {
    disposeParameters(parameters);
    throw error;
  }
}

/** What tells the units of a group apart: all numbers that they own. */
async function unitsOf({ size, members }: SymmetryGroup, tree: Parameters): Promise<string[]> {
  const units = Array.from({ length: size }, (): string[] => []);
  for (const { name, axis, from, width } of members) {
    const tensor = tree.get(name)!;
    const values = await tensor.data();
    const columns = tensor.rank === 1 ? 1 : tensor.shape[1]!;
    const rows = tensor.shape[0]!;
    for (let unit = 0; unit < size; unit++) {
      const own: number[] = [];
      for (let k = from + unit * width; k < from + (unit + 1) * width; k++) {
        if (axis === 0) for (let j = 0; j < columns; j++) own.push(values[k * columns + j]!);
        else for (let i = 0; i < rows; i++) own.push(values[i * columns + k]!);
      }
      units[unit]!.push(own.join());
    }
  }
  return units.map((parts) => parts.join("|"));
}

/** Kinds whose numbers touch the stream between layers alone, in which nothing moves. */
const UNTOUCHED: readonly string[] = ["head", "adapter", "prompt", "norms"];

/** A tuned model in another order of units. */
export interface Followed {
  /** On the old base in the new order. For what reads weights: its forward pass is the old one's. */
  readonly tuned: Tuned<LanguageModel>;
  /** Frees its weights and parameters. */
  dispose(): void;
}

/**
 * A tuned model in the order of the new model's units.
 *
 * @throws {ConfigError} For deltas that cannot follow.
 */
export async function followUnits(old: Tuned<LanguageModel>, current: LanguageModel): Promise<Followed> {
  const { moved, weights } = await movedGroups(old.base, current);
  const tree = new Map([...old.parameters].map(([name, value]) => [name, value.clone()]));
  const dispose = (): void => {
    for (const each of [weights, tree]) disposeParameters(each);
  };
  try {
    for (const delta of old.deltas) {
      for (const { group, order } of moved) {
        const members = membersOf(delta, group, old.base.sites());
        if (members.length === 0) continue;
        for (const [name, tensor] of permuteUnits({ ...group, members }, order, tree)) {
          tree.get(name)!.dispose();
          tree.set(name, tensor);
        }
      }
    }
    return { tuned: attach({ ...old.base, parameters: weights }, ...old.deltas).with(tree), dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** What the units of a group own in a delta. */
function membersOf(delta: Delta, group: SymmetryGroup, sites: readonly Site[]): readonly Member[] {
  const { name: own, kind, parameters, method, buffers } = delta;
  if (UNTOUCHED.includes(kind)) return [];
  const has = (member: Member): Member[] => {
    const extent = parameters.get(member.name)?.shape[member.axis] ?? 0;
    const isWhole = extent >= member.from + group.size * member.width;
    return isWhole ? [{ ...member, name: `${own}/${member.name}` }] : [];
  };
  if (method.replaces === true || kind === "bitFit") return group.members.flatMap(has);
  if ((kind !== "lora" && kind !== "ia3") || buffers.size > 0)
    throw new ConfigError({
      message: `recycle: units at ${group.name} stand in another order in the new model, and "${own}" (${kind}) cannot follow them; align the models first`,
      delta: own,
    });
  return group.members.flatMap((member) => [
    ...has(member), // biases beside a LoRA
    ...sites.flatMap((site) => factorMembers(kind, site, sites, member).flatMap(has)),
  ]);
}

/** Where a slice of a layer's weight lies in the delta at that layer. */
function factorMembers(kind: string, site: Site, sites: readonly Site[], member: Member): readonly Member[] {
  const whole =
    site.part === undefined ? site : sites.find(({ kind: of, path }) => of === "linear" && path === site.part!.of)!;
  if (site.kind !== "linear" || whole.weight?.name !== member.name) return [];
  const isOutput = member.axis === (whole.weight.layout === "out,in" ? 0 : 1);
  const from = isOutput ? member.from - (site.part?.columns[0] ?? 0) : member.from;
  if (from < 0 || (isOutput && from >= site.width)) return [];
  const names =
    kind === "ia3"
      ? [`${site.path}.ia3_l`]
      : isOutput
        ? [`${site.path}.lora_B.weight`, `${site.path}.lora_B.bias`]
        : [`${site.path}.lora_A.weight`];
  return names.map((name) => ({ ...member, name, axis: isOutput ? (0 as const) : (1 as const), from }));
}
