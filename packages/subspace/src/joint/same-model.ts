/** Whether an objective is tuned as the solutions of a method were: the numbers of a point mean something else in another model. */
import { ConfigError, canonicalJson, type Json } from "@cambium/base";
import { fingerprint, type Parameters } from "@cambium/core";
import type { Delta } from "@cambium/delta";
import type { MethodSpace } from "./subspace.ts";

/** The deltas of a tuned model, or none of another objective. */
export const deltasOf = (objective: object): readonly Delta[] =>
  (objective as { readonly deltas?: readonly Delta[] }).deltas ?? [];

/** What lies under the deltas, as far as it says what it is. */
export interface Backbone {
  readonly parameters: Parameters;
  readonly headParameters?: readonly string[];
}

/** The backbone of a tuned model; undefined of another objective. */
export const backboneOf = (objective: object): Backbone | undefined => (objective as { readonly base?: Backbone }).base;

/** The model that a method's points belong to. */
export function modelOf(objective: object): Pick<MethodSpace, "deltas" | "backbone"> {
  const backbone = backboneOf(objective);
  return { deltas: deltasOf(objective), ...(backbone !== undefined && { backbone }) };
}

/** A hash of a backbone without its head, which is each task's own. */
export const fingerprintBody = ({ parameters, headParameters = [] }: Backbone): Promise<string> =>
  fingerprint(new Map([...parameters].filter(([name]) => !headParameters.includes(name))));

/**
 * Throws for other settings of a method's deltas, such as a LoRA of another `alpha`.
 *
 * @throws {ConfigError} Lists what differs.
 */
export function checkSameDeltas(caller: string, { name, shapes, deltas }: MethodSpace, objective: object): void {
  const settingsOf = (list: readonly Delta[]): ReadonlyMap<string, string> =>
    new Map(
      list
        .filter((delta) => [...delta.parameters.keys()].some((key) => shapes.has(`${delta.name}/${key}`)))
        .map((delta) => [delta.name, canonicalJson({ kind: delta.kind, config: delta.config as Json })]),
    );
  const [wanted, found] = [settingsOf(deltas), settingsOf(deltasOf(objective))];
  const differing = [...wanted].flatMap(([delta, settings]) => {
    const own = found.get(delta);
    return own === undefined || own === settings ? [] : [`${delta} is ${own}, and ${settings} in the subspace`];
  });
  if (differing.length > 0)
    throw new ConfigError({
      message: `${caller}: the objective is tuned by other settings of ${name}: ${differing.join("; ")}`,
      differing,
    });
}

/**
 * Throws for another backbone than the one that the method's solutions stand on. Weights are hashed once for each tensor.
 *
 * @throws {ConfigError}
 */
export async function checkSameBackbone(caller: string, space: MethodSpace, objective: object): Promise<void> {
  const [wanted, found] = [space.backbone, backboneOf(objective)];
  if (wanted === undefined || found === undefined || wanted === found) return;
  if ((await fingerprintBody(wanted)) === (await fingerprintBody(found))) return;
  throw new ConfigError({
    message: `${caller}: the objective stands on another backbone than the solutions by ${space.name}; fit a subspace on that one, or carry the decoded delta over with recycle`,
    method: space.name,
  });
}
