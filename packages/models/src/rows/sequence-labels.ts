/** What a row's label means to a head on whole sequences, as numbers. */
import { ConfigError, nearest } from "@cambium/base";
import { type HeadConfig, outputNames, outputsOf } from "../head-config.ts";

/** A head that gives a whole sequence a label, or numbers. */
type SequenceHead = Extract<HeadConfig, { readonly kind: "sequence-classification" | "regression" }>;

/**
 * The numbers that the loss compares with: the index of a label, 1 or 0 for each of several labels, or a number for each output.
 *
 * @param index - The row's place in its batch, for messages.
 * @throws {ConfigError} When the label is not what the head needs.
 */
export function sequenceLabels(label: unknown, index: number, head: SequenceHead): number[] {
  if (head.kind === "regression") return numbersOf(label, index, head);
  if (head.multiLabel !== true) return [labelIndex(label, index, head.labels)];
  if (!Array.isArray(label)) {
    throw new ConfigError({
      message: `collate: row ${index} needs a list of labels, which may be empty, because the head gives several; got ${show(label)}`,
      index,
      label,
    });
  }
  const held = new Set(label.map((each) => labelIndex(each, index, head.labels)));
  return head.labels.map((_, i) => (held.has(i) ? 1 : 0));
}

/** One number, a list of them, or numbers by name. */
function numbersOf(label: unknown, index: number, head: SequenceHead): number[] {
  const [names, count] = [outputNames(head), outputsOf(head)];
  if (count === 1 && names === undefined) return [numberOf(label, index)];
  const isList = Array.isArray(label);
  const isNamed = names !== undefined && !isList && typeof label === "object" && label !== null;
  const values = isList ? label : isNamed ? names.map((name) => (label as Record<string, unknown>)[name]) : [];
  const strange = isNamed ? Object.keys(label).find((name) => !names.includes(name)) : undefined;
  if (values.length !== count || strange !== undefined) {
    const named = names === undefined ? "" : `, or numbers by name (${names.join(", ")})`;
    throw new ConfigError({
      message: `collate: row ${index} needs a list of ${count} numbers as label${named}; got ${show(label)}`,
      index,
      label,
    });
  }
  return values.map((value) => numberOf(value, index));
}

function numberOf(label: unknown, index: number): number {
  if (typeof label === "number" && Number.isFinite(Math.fround(label))) return label;
  throw new ConfigError({
    message: `collate: row ${index} needs a number that is finite in float32 as label, got ${show(label)}`,
    index,
    label,
  });
}

const show = (value: unknown): string => (typeof value === "number" ? String(value) : JSON.stringify(value));

/** A label that reads like a number, but not like its own index: then a number could mean either. */
function oddNumber(labels: readonly string[]): string | undefined {
  return labels.find((label, i) => label.trim() !== "" && Number.isFinite(Number(label)) && Number(label) !== i);
}

/**
 * Which of `labels` is meant, by name or by number.
 *
 * @throws {ConfigError} When none is, or when a number could mean another one by its name.
 */
export function labelIndex(label: unknown, index: number, labels: readonly string[]): number {
  const odd = typeof label === "number" ? oddNumber(labels) : undefined;
  if (odd !== undefined) {
    throw new ConfigError({
      message: `collate: row ${index} has the number ${label} as label, and the head's labels are numbers as well (${labels.join(", ")}); write the label as a text, such as "${odd}"`,
      index,
      label,
    });
  }
  const found = typeof label === "number" ? label : labels.indexOf(label as string);
  if (Number.isInteger(found) && found >= 0 && found < labels.length) return found;
  const near = typeof label === "string" ? nearest(label, labels) : undefined;
  throw new ConfigError({
    message: `collate: row ${index} has the label ${show(label)}, the head has ${labels.join(", ")}${near === undefined ? "" : `; was ${near} meant`}`,
    index,
    label,
  });
}
