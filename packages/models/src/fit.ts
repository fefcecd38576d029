/** What a checkpoint's names and shapes mean for a layout, found out before any value is read. */
import { FormatError } from "@cambium/base";
import type { Architecture } from "./architecture.ts";
import { type Layout, type ParameterSpec, storedParameters, withoutPart } from "./layout.ts";
import { bareName } from "./names.ts";

/** How a checkpoint serves a model. */
export interface Fit {
  /** The layout without parts that the file lacks and nothing needs. */
  readonly layout: Layout;
  /** Names in the file by parameter name, in the model's order. */
  readonly found: ReadonlyMap<string, string>;
  /** Other names of a parameter that the file holds beside its own: their values must be equal. */
  readonly aliases: readonly { readonly name: string; readonly fileName: string }[];
  /** What the file lacks and random values must replace: a head, or a pooler below it. */
  readonly created: ReadonlyMap<string, ParameterSpec>;
  /** Names in the file that the model does not use. */
  readonly unused: readonly string[];
}

/** What is asked of a checkpoint. */
export interface FitRequest {
  readonly architecture: Architecture;
  /** Of the model with its head. */
  readonly layout: Layout;
  /** Of the body alone. */
  readonly body: Layout;
  /** Whether the model has a head: without one, parts that the file lacks are left out instead of created. */
  readonly hasHead: boolean;
  /** Names that the file's metadata gives to tensors stored under another: of tied parameters, `safetensors.torch` keeps one. */
  readonly stored?: Readonly<Record<string, string>>;
}

const FLOATS = ["F64", "F32", "F16", "BF16"];

/**
 * Fits a checkpoint to a layout.
 *
 * @param location - Where the checkpoint is, for the message.
 * @throws {FormatError} Listing every parameter that is missing, unexpected, or of another shape.
 */
export function fitCheckpoint(
  { architecture, layout, body, hasHead, stored: keptAs = {} }: FitRequest,
  stored: ReadonlyMap<string, { readonly dtype: string; readonly shape: readonly number[] }>,
  location: string,
): Fit {
  const { wrapper, legacy = (name: string) => name, isBuffer = () => false } = architecture;
  const problems: Problems = { missing: [], unexpected: [], misshapen: [] };
  const plain = (name: string): string => legacy(bareName(wrapper, name));
  const byName = new Map<string, string>(); // name without wrapper to name in the file
  for (const fileName of stored.keys()) {
    const name = plain(fileName);
    const other = byName.get(name);
    if (other === undefined) byName.set(name, fileName);
    else problems.unexpected.push(`${fileName} (beside ${other})`);
  }

  const byMetadata = new Map(
    Object.entries(keptAs).flatMap(([name, kept]) => (stored.has(kept) ? [[plain(name), kept] as const] : [])),
  );

  /** A parameter's own name in the file, then the names that it is tied to; or where the metadata says that it is. */
  function namesOf(name: string): readonly string[] {
    const tied = [...layout.parameters].flatMap(([other, { tiedTo }]) => (tiedTo === name ? [other] : []));
    const bare = [name, ...tied].map((each) => bareName(wrapper, each));
    const found = bare.flatMap((each) => byName.get(each) ?? []);
    return found.length > 0 ? found : bare.flatMap((each) => byMetadata.get(each) ?? []).slice(0, 1);
  }
  const wanted = storedParameters(layout);
  const isOfBody = (name: string): boolean => body.parameters.has(name);
  const partOf = (name: string, { part }: ParameterSpec): string | undefined =>
    part ?? (isOfBody(name) ? undefined : "head");
  const parts = new Set([...wanted].flatMap(([name, spec]) => partOf(name, spec) ?? []));
  const absent = new Set(
    [...parts].filter((part) =>
      [...wanted].every(([name, spec]) => partOf(name, spec) !== part || namesOf(name).length === 0),
    ),
  );

  const found = new Map<string, string>();
  const aliases: { name: string; fileName: string }[] = [];
  const created = new Map<string, ParameterSpec>();
  const skipped = new Set<string>();
  for (const [name, spec] of wanted) {
    const part = partOf(name, spec);
    if (part !== undefined && absent.has(part)) {
      if (hasHead) created.set(name, spec);
      else skipped.add(part);
      continue;
    }
    const [first, ...others] = namesOf(name);
    if (first === undefined) problems.missing.push(name);
    else found.set(name, first);
    for (const fileName of others) aliases.push({ name, fileName });
    for (const fileName of [first ?? [], others].flat()) {
      const { dtype, shape } = stored.get(fileName)!;
      const shown = fileName === first ? name : fileName;
      if (!FLOATS.includes(dtype)) problems.misshapen.push(`${shown} holds ${dtype}, not floats`);
      else if (shape.join() !== spec.shape.join())
        problems.misshapen.push(`${shown} has shape [${shape}], not [${spec.shape}]`);
    }
  }

  const used = new Set([...found.values(), ...aliases.map(({ fileName }) => fileName)]);
  const bodyRoots = new Set(
    [...body.parameters].flatMap(([name, { part }]) => (part === undefined ? [rootOf(bareName(wrapper, name))] : [])),
  );
  const unused: string[] = [];
  for (const [name, fileName] of byName) {
    if (used.has(fileName)) continue;
    if (bodyRoots.has(rootOf(name)) && !isBuffer(name)) problems.unexpected.push(fileName);
    else unused.push(fileName);
  }
  checkProblems(problems, unused, location);
  return { layout: [...skipped].reduce(withoutPart, layout), found, aliases, created, unused };
}

const rootOf = (name: string): string => name.split(".")[0]!;

interface Problems {
  readonly missing: string[];
  readonly unexpected: string[];
  readonly misshapen: string[];
}

function checkProblems(problems: Problems, unused: readonly string[], location: string): void {
  const lines = Object.entries(problems)
    .filter(([, names]) => names.length > 0)
    .map(([what, names]) => `${names.length} ${what}: ${names.join(", ")}`);
  if (lines.length === 0) return;
  if (problems.missing.length > 0 && unused.length > 0) lines.push(`not understood: ${unused.join(", ")}`);
  throw new FormatError({
    message: `loadModel: the weights in ${location} do not fit its config.json or the head that was asked for. ${lines.join("; ")}`,
    ...problems,
    location,
  });
}
