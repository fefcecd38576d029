/** The parts of JSON texts, as expressions. */
import {
  beyondAscii,
  bytes,
  capsule,
  choice,
  type Expression,
  literal,
  literals,
  nothing,
  optional,
  reference,
  repeat,
  sequence,
} from "./expression.ts";
import { anyNumber } from "./numbers.ts";

/** Between the signs of JSON: nothing, a blank, or a line's end and the next one's indent, so that no text goes on with blanks for ever. */
const space: Expression = optional(choice(literal(" "), sequence(literal("\n"), repeat(literal(" "), 0, 32))));

const hex = bytes([0x30, 0x39], [0x41, 0x46], [0x61, 0x66]);

/**
 * What counts as one character in a string. Escapes of surrogates are left out, two of which would be one character; such characters
 * stand as they are.
 */
export const character: Expression = choice(
  bytes([0x20, 0x21], [0x23, 0x5b], [0x5d, 0x7f]),
  beyondAscii,
  sequence(
    literal("\\"),
    choice(
      bytes(...[...'"\\/bfnrt'].map((sign) => [sign.charCodeAt(0), sign.charCodeAt(0)] as const)),
      sequence(
        literal("u"),
        choice(
          sequence(bytes([0x30, 0x39], [0x41, 0x43], [0x45, 0x46], [0x61, 0x63], [0x65, 0x66]), hex),
          sequence(bytes([0x44, 0x44], [0x64, 0x64]), bytes([0x30, 0x37])),
        ),
        hex,
        hex,
      ),
    ),
  ),
);

/** Texts between quotes. */
export const quoted = (texts: Expression): Expression => capsule(sequence(literal('"'), texts, literal('"')));

/** A string of so many characters. */
export const stringOf = (min: number, max: number): Expression => quoted(repeat(character, min, max));

/** A value as `JSON.stringify` writes it. */
const constant = (value: unknown): Expression => literal(JSON.stringify(value));

/** One of some values, as `JSON.stringify` writes them. */
export const constants = (values: readonly unknown[]): Expression =>
  literals(values.map((value) => JSON.stringify(value)));

/** A list of so many items. */
export function listOf(item: Expression, min: number, max: number): Expression {
  const more = repeat(sequence(literal(","), space, item), Math.max(0, min - 1), max - 1);
  const items = sequence(space, item, more);
  return sequence(literal("["), max === 0 ? nothing : min === 0 ? optional(items) : items, space, literal("]"));
}

/** A list of these items. */
export function tupleOf(items: readonly Expression[]): Expression {
  const parts = items.flatMap((item, i) => [...(i === 0 ? [] : [literal(",")]), space, item]);
  return sequence(literal("["), ...parts, space, literal("]"));
}

/** A member of an object. */
export interface Member {
  readonly name: string;
  readonly value: Expression;
  readonly isRequired: boolean;
}

const member = (name: Expression, value: Expression): Expression => sequence(space, name, literal(":"), space, value);

/** Members behind which others are looked at by themselves, so that thousands do not stand one inside of the other. */
const MEMBERS = 64;

/** An object with some of these members, in their order. */
export function objectOf(members: readonly Member[]): Expression {
  let first: Expression = nothing; // where none stands before
  let later: Expression = nothing;
  for (const [i, { name, value, isRequired }] of members.toReversed().entries()) {
    if (i % MEMBERS === MEMBERS - 1)
      [first, later] = [first, later].map((part) => reference(() => part)) as [Expression, Expression];
    const whole = member(constant(name), value);
    const [asFirst, asLater] = [sequence(whole, later), sequence(literal(","), whole, later)];
    first = isRequired ? asFirst : choice(asFirst, first);
    later = isRequired ? asLater : choice(asLater, later);
  }
  return sequence(literal("{"), first, space, literal("}"));
}

/** An object with any names, or with names of some texts. */
export function mapOf(value: Expression, names: Expression = stringOf(0, Number.POSITIVE_INFINITY)): Expression {
  const one = member(names, value);
  return sequence(
    literal("{"),
    optional(sequence(one, repeat(sequence(literal(","), one), 0, Number.POSITIVE_INFINITY))),
    space,
    literal("}"),
  );
}

/** Any value. */
export const anyValue: Expression = reference(() =>
  choice(
    anyObject,
    listOf(anyValue, 0, Number.POSITIVE_INFINITY),
    stringOf(0, Number.POSITIVE_INFINITY),
    anyNumber,
    literal("true"),
    literal("false"),
    literal("null"),
  ),
);

/** Any object. */
export const anyObject: Expression = reference(() => mapOf(anyValue));
