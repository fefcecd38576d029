/** What texts of a form look like, byte by byte: expressions that are put together by few functions. They hold nothing but data. */

/** One byte of some. */
export interface Bytes {
  readonly kind: "bytes";
  /** 1 for each byte that it may be, `[256]`. */
  readonly set: Uint8Array;
}

/** Parts one after the other. */
export interface Sequence {
  readonly kind: "sequence";
  readonly parts: readonly Expression[];
}

/** One of several. */
export interface Choice {
  readonly kind: "choice";
  readonly options: readonly Expression[];
}

/** A body several times; it has at least one byte. */
export interface Repeat {
  readonly kind: "repeat";
  readonly body: Expression;
  readonly min: number;
  readonly max: number;
}

/** Another expression, which is made when it is needed: forms may hold themselves. */
export interface Reference {
  readonly kind: "reference";
  /** That it has finite texts, and so have all references that it leads to, where that is known already. */
  readonly isFinite?: boolean;
  get(): Expression;
}

/** A part that is the same wherever it stands, so that what may follow inside of it is worked out once. */
export interface Capsule {
  readonly kind: "capsule";
  readonly body: Expression;
}

export type Expression = Bytes | Sequence | Choice | Repeat | Reference | Capsule;

/** One byte, from ranges of them, both ends included. */
export function bytes(...ranges: readonly (readonly [from: number, to: number])[]): Bytes {
  const set = new Uint8Array(256);
  for (const [from, to] of ranges) set.fill(1, from, to + 1);
  return { kind: "bytes", set };
}

/** Longer sequences stand in others as they are: copying them again and again would take long. */
const SHORT = 64;

export const sequence = (...parts: readonly Expression[]): Expression => sequenceOf(parts);

export function sequenceOf(parts: readonly Expression[]): Expression {
  const flat = parts.flatMap((part) => (part.kind === "sequence" && part.parts.length <= SHORT ? part.parts : [part]));
  return flat.length === 1 ? flat[0]! : { kind: "sequence", parts: flat };
}

/** Nothing. */
export const nothing: Expression = { kind: "sequence", parts: [] };

export const choice = (...options: readonly Expression[]): Expression => choiceOf(options);

export function choiceOf(options: readonly Expression[]): Expression {
  return options.length === 1 ? options[0]! : { kind: "choice", options };
}

/** @param max - `Infinity` for any number. */
export function repeat(body: Expression, min: number, max: number): Expression {
  if (max === 0) return nothing;
  return { kind: "repeat", body, min, max };
}

export const optional = (body: Expression): Expression => repeat(body, 0, 1);

/** Made once, when it is first needed. */
export function reference(make: () => Expression): Reference {
  let made: Expression | undefined;
  return {
    kind: "reference",
    get() {
      made ??= make();
      return made;
    },
  };
}

export const capsule = (body: Expression): Expression => ({ kind: "capsule", body });

const encoder = new TextEncoder();

/** One byte that is known, the same expression each time: there are many in texts. */
const single: Bytes[] = Array.from({ length: 256 }, (_, byte) => bytes([byte, byte]));

/** A text as it is. */
export const literal = (text: string): Expression => literalOf(encoder.encode(text));

const literalOf = (text: Uint8Array): Expression => sequenceOf(Array.from(text, (byte) => single[byte]!));

/** Branches behind each other that `literals` makes; texts that part later stand side by side. */
const DEEPEST = 64;

/** One of some texts, byte by byte: what they begin with alike is there once, so that thousands are followed as fast as few. */
export function literals(texts: readonly string[]): Expression {
  const words = [...new Set(texts)].map((text) => encoder.encode(text));

  function behind(group: readonly Uint8Array[], at: number, depth: number): Expression {
    const [first, ...others] = group as [Uint8Array, ...Uint8Array[]];
    let end = at;
    while (end < first.length && others.every((word) => word[end] === first[end])) end++;
    const shared = literalOf(first.subarray(at, end));
    if (others.length === 0) return shared;
    if (depth === DEEPEST) {
      return sequence(shared, choiceOf(group.map((word) => literalOf(word.subarray(end)))));
    }
    const byByte = new Map<number, Uint8Array[]>();
    for (const word of group) {
      const same = byByte.get(word[end] ?? -1) ?? [];
      byByte.set(word[end] ?? -1, same);
      same.push(word);
    }
    const options = [...byByte].map(([byte, same]) => (byte === -1 ? nothing : behind(same, end, depth + 1)));
    return sequence(shared, choice(...options));
  }

  return behind(words, 0, 0);
}

const tail = bytes([0x80, 0xbf]);

/** Every character beyond ASCII, in UTF-8: no surrogate, none in more bytes than it needs (Unicode 16, table 3-7). */
export const beyondAscii: Expression = choice(
  sequence(bytes([0xc2, 0xdf]), tail),
  sequence(bytes([0xe0, 0xe0]), bytes([0xa0, 0xbf]), tail),
  sequence(bytes([0xe1, 0xec], [0xee, 0xef]), tail, tail),
  sequence(bytes([0xed, 0xed]), bytes([0x80, 0x9f]), tail),
  sequence(bytes([0xf0, 0xf0]), bytes([0x90, 0xbf]), tail, tail),
  sequence(bytes([0xf1, 0xf3]), tail, tail, tail),
  sequence(bytes([0xf4, 0xf4]), bytes([0x80, 0x8f]), tail, tail),
);

/** Looks at expressions once each: parts are shared, and there are more ways through them than parts. */
class Endings {
  private readonly known = new Map<Expression, boolean>();
  private readonly ending: ReadonlySet<Reference>;
  private readonly seen: (reference: Reference) => void;

  constructor(ending: ReadonlySet<Reference>, seen: (reference: Reference) => void) {
    this.ending = ending;
    this.seen = seen;
  }

  /** Whether a text of an expression can end, given the references whose texts can. */
  of(expression: Expression): boolean {
    let ends = this.known.get(expression);
    if (ends === undefined) {
      ends = this.look(expression);
      this.known.set(expression, ends);
    }
    return ends;
  }

  private look(expression: Expression): boolean {
    switch (expression.kind) {
      case "bytes":
        return expression.set.includes(1);
      case "sequence":
        return expression.parts.map((part) => this.of(part)).every(Boolean);
      case "choice":
        return expression.options.map((option) => this.of(option)).some(Boolean);
      case "repeat":
        return this.of(expression.body) || expression.min === 0;
      case "capsule":
        return this.of(expression.body);
      case "reference":
        if (expression.isFinite) return true;
        this.seen(expression);
        return this.ending.has(expression);
    }
  }
}

/**
 * Tells whether there are finite texts of an expression that is part of a whole: a form that always holds itself has none.
 *
 * @param root - The whole.
 */
export function finiteness(root: Expression): (expression: Expression) => boolean {
  const all = new Set<Reference>();
  const ending = new Set<Reference>();
  const add = (reference: Reference): void => {
    all.add(reference);
  };
  new Endings(ending, add).of(root);
  for (let before = -1; before !== ending.size + all.size; ) {
    before = ending.size + all.size;
    // References that are found to end change what is known of others, mostly of those that were met before them.
    for (const reference of [...all].reverse()) {
      if (!ending.has(reference) && new Endings(ending, add).of(reference.get())) ending.add(reference);
    }
  }
  const endings = new Endings(ending, () => {});
  return (expression) => endings.of(expression);
}
