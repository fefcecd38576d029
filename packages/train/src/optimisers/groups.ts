import { ConfigError } from "@cambium/base";
import type { Parameters } from "@cambium/core";
import * as z from "zod";

/** Settings for some of the parameters. The first group that matches a name counts. */
export interface ParameterGroup {
  /** Which parameters, by name. */
  readonly match: RegExp | ((name: string) => boolean);
  /** Multiplies the learning rate, at least 0. @default 1 */
  readonly learningRateFactor?: number;
  /** In place of the optimiser's decay, also for norms, biases and scales. @default the optimiser's rule */
  readonly weightDecay?: number;
}

/** What an optimiser applies to one parameter. Equal settings are one object. */
export interface Setting {
  readonly learningRateFactor: number;
  readonly weightDecay: number;
}

/** Checks a list of groups. */
export const groupsSchema: z.ZodType<readonly ParameterGroup[]> = z.array(
  z.strictObject({
    match: z.union([z.instanceof(RegExp), z.custom<(name: string) => boolean>((value) => typeof value === "function")]),
    learningRateFactor: z.number().nonnegative().exactOptional(),
    weightDecay: z.number().nonnegative().exactOptional(),
  }),
);

/** Norms, biases and learned scales, by the names that checkpoints give them. */
const unscaled = /norm|(^|[._/])(bias|scale|gain|ln_\w+|ia3_l)([._/]|$)/i;

/**
 * Whether weight decay makes sense for a parameter: it pulls towards 0, which is no neutral point of a norm, a bias or a
 * scale. Those are recognised by their names, and by having less than two axes.
 */
export function isDecayed(name: string, shape: readonly number[]): boolean {
  return shape.length >= 2 && !unscaled.test(name);
}

const matches = ({ match }: ParameterGroup, name: string): boolean =>
  match instanceof RegExp ? name.search(match) >= 0 : match(name);

/**
 * The setting of every parameter.
 *
 * @param weightDecay - For parameters whose group gives none, where decay makes sense.
 */
export function settingsOf(
  parameters: Parameters,
  groups: readonly ParameterGroup[],
  weightDecay: number,
): Map<string, Setting> {
  const distinct = new Map<string, Setting>();
  return new Map(
    [...parameters].map(([name, { shape }]) => {
      const group = groups.find((candidate) => matches(candidate, name));
      const setting = {
        learningRateFactor: group?.learningRateFactor ?? 1,
        weightDecay: group?.weightDecay ?? (isDecayed(name, shape) ? weightDecay : 0),
      };
      const key = `${setting.learningRateFactor} ${setting.weightDecay}`;
      if (!distinct.has(key)) distinct.set(key, setting);
      return [name, distinct.get(key)!];
    }),
  );
}

/**
 * Throws when a group matches no parameter: its pattern has a mistake.
 *
 * @param caller - Function to name in the message.
 */
export function checkGroups(caller: string, parameters: Parameters, groups: readonly ParameterGroup[]): void {
  const names = [...parameters.keys()];
  groups.forEach((group, index) => {
    if (names.some((name) => matches(group, name))) return;
    const examples = names.slice(0, 5).join(", ");
    throw new ConfigError({
      message: `${caller}: group ${index} (${group.match}) matches none of the ${names.length} parameters, such as ${examples}`,
      index,
    });
  });
}
