/** Post-processors: which special tokens stand round one or two texts, and what is cut off the places of tokens. */
import type { Part } from "../tokenizer-json.ts";
import { PartError, partList, setting, unknownPart } from "./parts.ts";

/** A piece of a template: a text by its number, or special tokens. */
export type Item =
  | { readonly sequence: 0 | 1; readonly type: number }
  | { readonly ids: readonly number[]; readonly type: number };

/** What is done to the tokens of texts. */
export interface PostProcessor {
  readonly single: readonly Item[];
  readonly pair: readonly Item[];
  /** Whether blanks at the ends of tokens are left out of their places, but for one that was put in front. */
  readonly trim?: { readonly addPrefixSpace: boolean };
}

const first: Item = { sequence: 0, type: 0 };
const nothing: PostProcessor = { single: [first], pair: [first, { sequence: 1, type: 1 }] };

/** A token that a part names with its id. */
function tokenOf(part: Part, key: string): readonly number[] {
  const value = part[key];
  if (Array.isArray(value) && value.length === 2 && Number.isInteger(value[1])) return [value[1] as number];
  throw new PartError(`"${key}" of ${part.type} must be a token and its id, got ${JSON.stringify(value)}`);
}

function template(part: Part, key: "single" | "pair"): Item[] {
  const pieces = part[key];
  if (!Array.isArray(pieces)) throw new PartError(`"${key}" of TemplateProcessing must be a list`);
  const tokens = (part["special_tokens"] ?? {}) as Readonly<Record<string, { readonly ids?: readonly number[] }>>;
  return pieces.map((piece: Record<string, { readonly id?: unknown; readonly type_id?: unknown }>): Item => {
    const { Sequence: sequence, SpecialToken: special } = piece;
    const type = (sequence ?? special)?.type_id;
    if (typeof type === "number") {
      if (sequence?.id === "A" || sequence?.id === "B") return { sequence: sequence.id === "A" ? 0 : 1, type };
      const ids = typeof special?.id === "string" ? tokens[special.id]?.ids : undefined;
      if (Array.isArray(ids)) return { ids, type };
    }
    throw new PartError(
      `"${key}" of TemplateProcessing has ${JSON.stringify(piece)}, which is no text and no special token`,
    );
  });
}

const trimmed = (part: Part): Pick<PostProcessor, "trim"> =>
  setting(part, "trim_offsets", "boolean", true)
    ? { trim: { addPrefixSpace: setting(part, "add_prefix_space", "boolean", true) } }
    : {};

const postProcessors: Readonly<Record<string, (part: Part) => PostProcessor>> = {
  BertProcessing(part) {
    const cls = { ids: tokenOf(part, "cls"), type: 0 };
    const sep = tokenOf(part, "sep");
    const single = [cls, first, { ids: sep, type: 0 }];
    return { single, pair: [...single, { sequence: 1, type: 1 }, { ids: sep, type: 1 }] };
  },
  RobertaProcessing(part) {
    const cls = { ids: tokenOf(part, "cls"), type: 0 };
    const sep = { ids: tokenOf(part, "sep"), type: 0 };
    const single = [cls, first, sep];
    return { single, pair: [...single, sep, { sequence: 1, type: 0 }, sep], ...trimmed(part) };
  },
  ByteLevel: (part) => ({ ...nothing, ...trimmed(part) }),
  TemplateProcessing: (part) => ({ single: template(part, "single"), pair: template(part, "pair") }),
  Sequence(part) {
    const parts = partList(part, "processors").map(postProcessorOf);
    const framing = parts.filter(({ single }) => single !== nothing.single);
    if (framing.length > 1)
      throw new PartError("a Sequence of post-processors may put special tokens round a text once");
    const trim = parts.find((each) => each.trim !== undefined)?.trim;
    return { ...(framing[0] ?? nothing), ...(trim && { trim }) };
  },
};

/** The post-processor that a part describes. */
export function postProcessorOf(part: Part | null | undefined): PostProcessor {
  if (part == null) return nothing;
  const make = Object.hasOwn(postProcessors, part.type) ? postProcessors[part.type] : undefined;
  if (make === undefined) throw unknownPart("post-processor", part, postProcessors);
  return make(part);
}
