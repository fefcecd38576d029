/**
 * The head that an adapter was trained under, as files hold it: an index means a label only together with their order.
 *
 * In a PEFT folder it stands in the metadata of the weights file, which PEFT does not read: an unknown key in its config would
 * make it warn that the file is of a later version, and versions before 0.14 refuse such a config.
 */
import { FormatError, type Json } from "@cambium/base";
import type { LanguageModel } from "@cambium/models";
import type { Tuned } from "../attach.ts";
import { leftRandom } from "../left-random.ts";

/** The key of the head in the metadata of a weights file. */
export const HEAD_METADATA = "cambium_head";

/** The head that deltas belong to: the model's, unless it is random and left out. */
export function headToStore({ base, deltas }: Tuned<LanguageModel>): Json | undefined {
  const { head, headParameters } = base;
  const isLeftOut = leftRandom(base, deltas).some((name) => headParameters.includes(name));
  return head === undefined || isLeftOut ? undefined : (JSON.parse(JSON.stringify(head)) as Json);
}

/** The head in a metadata table. What is no JSON is not ours. */
export function headInMetadata(metadata: Readonly<Record<string, string>>): unknown {
  const text = metadata[HEAD_METADATA];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * Throws unless the base's head gives its scores the meaning that the adapter was trained with. Deltas of the body alone may go
 * from one kind of head to another, as from hidden words to classes; labels of one kind must agree.
 *
 * @param stored - What the file says; undefined where it says nothing, as PEFT's own.
 * @param holdsHead - Whether the file has the head's weights.
 * @throws {FormatError} When the head is neither in the file nor in the base's. When the labels are others or in another order, or the head in the file is of another kind; shows both.
 */
export function checkHead(base: LanguageModel, stored: unknown, holdsHead: boolean, location: string): void {
  const { head } = base;
  if (stored === undefined || head === undefined) return;
  const fail = (problem: string): FormatError =>
    new FormatError({ message: `loadAdapter: the adapter in ${location} ${problem}`, location, stored, head });
  const { kind, labels } = (typeof stored === "object" && stored !== null ? stored : {}) as {
    readonly kind?: unknown;
    readonly labels?: unknown;
  };
  if (typeof kind !== "string" || (labels !== undefined && !isLabels(labels)))
    throw fail(`says of its head ${JSON.stringify(stored)}, which is not what saveAdapter writes`);
  if (kind !== head.kind) {
    if (holdsHead) throw fail(`holds a head of the kind "${kind}", and the model's is "${head.kind}"`);
    return;
  }
  const asked = "labels" in head ? head.labels : undefined;
  if (labels?.length !== asked?.length || (labels ?? []).some((label, i) => label !== asked![i])) {
    const show = (some: readonly string[] | undefined): string => (some ?? ["none"]).join(", ");
    throw fail(
      `was trained with the labels ${show(labels)}, in this order; the model has ${show(asked)}: load it with the adapter's labels`,
    );
  }
  const [theirs, ours] = [stored, head] as unknown as readonly Readonly<Record<string, unknown>>[];
  const other = Object.keys({ ...theirs, ...ours }).find(
    (key) => !ofTraining.includes(key) && JSON.stringify(theirs![key]) !== JSON.stringify(ours![key]),
  );
  if (!holdsHead && base.created.some((name) => base.headParameters.includes(name)))
    throw fail(
      `was trained under a head that its base's file held; the file of this base lacks it, so that ${base.created.join(", ")} are random here. Load the base that it was trained on, or, to train another head, load the adapter on a model without one and move it with tuned.on`,
    );
  if (other !== undefined)
    throw fail(`was trained under the head ${JSON.stringify(stored)}, and the model's is ${JSON.stringify(head)}`);
}

/** Settings of losses, which change nothing of what a head gives. */
const ofTraining = ["loss", "scale", "symmetric"];

const isLabels = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((label) => typeof label === "string");
