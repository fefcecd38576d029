/**
 * Text that normalizers change, with the places that its characters come from.
 *
 * Most text is changed unit for unit or not at all, so a place is a sum then; only what grows, shrinks or is reordered keeps a
 * table. Places are UTF-16 units of the text that a caller gave. A character that stands for several, or of which only a part is
 * left, has the place of all of it, as in the Rust library.
 */

/** A stretch of text on its way to tokens. */
export interface Aligned {
  readonly text: string;
  /** Where the stretch begins in the caller's text, before anything was cut off its front. */
  readonly origin: number;
  /** Place of the first unit: in the tables where there are such, else in the caller's text. */
  readonly at: number;
  /** How many units in front were put there; they have the place of the character after them. */
  readonly lead: number;
  /** Place of each unit's character: its first unit, and the one behind its last. */
  readonly table?: { readonly from: readonly number[]; readonly to: readonly number[] };
}

/** A text as its caller gave it. */
export function aligned(text: string, at = 0): Aligned {
  return { text, origin: at, at, lead: 0 };
}

const isHigh = (text: string, index: number): boolean => (text.charCodeAt(index) & 0xfc00) === 0xd800;

/** Whether a unit is the second of a character of two. */
export const isLow = (text: string, index: number): boolean => (text.charCodeAt(index) & 0xfc00) === 0xdc00;

/** Units of the character that begins at an index of well-formed text: 1 or 2. */
export const widthAt = (text: string, index: number): number => (isHigh(text, index) ? 2 : 1);

/** Place of the character that a unit belongs to. */
export function fromOf({ text, at, lead, table }: Aligned, unit: number): number {
  if (table !== undefined) return table.from[at + unit]!;
  if (unit < lead) return at;
  return at + unit - lead - (isLow(text, unit) ? 1 : 0);
}

/** Place behind the character that a unit belongs to. */
export function toOf({ text, at, lead, table }: Aligned, unit: number): number {
  if (table !== undefined) return table.to[at + unit]!;
  if (unit < lead) return at + widthAt(text, lead);
  return at + unit - lead + widthAt(text, unit);
}

/** Part of a stretch, from one unit to before another. */
export function slice(whole: Aligned, start: number, end: number): Aligned {
  const { at, lead, table } = whole;
  if (start === 0 && end === whole.text.length) return whole;
  const text = whole.text.slice(start, end);
  if (table !== undefined) return { text, origin: fromOf(whole, start), at: at + start, lead: 0, table };
  if (start >= lead) return { text, origin: at + start - lead, at: at + start - lead, lead: 0 };
  if (end > lead) return { text, origin: at, at, lead: lead - start };
  const from = Array.from(text, () => at);
  return {
    text,
    origin: at,
    at: 0,
    lead: 0,
    table: { from, to: from.map((place) => place + widthAt(whole.text, lead)) },
  };
}

/** The same places under other text of the same length, unit for unit. */
export const withText = (whole: Aligned, text: string): Aligned => (text === whole.text ? whole : { ...whole, text });

/** With text in front, which has the place of the first character. Nothing is put before no text. */
export function prepend(whole: Aligned, front: string): Aligned {
  if (whole.text === "" || front === "") return whole;
  const text = front + whole.text;
  if (whole.table === undefined) return { ...whole, text, lead: whole.lead + front.length };
  const { length } = whole.text;
  const table = {
    from: [
      ...new Array<number>(front.length).fill(fromOf(whole, 0)),
      ...whole.table.from.slice(whole.at, whole.at + length),
    ],
    to: [...new Array<number>(front.length).fill(toOf(whole, 0)), ...whole.table.to.slice(whole.at, whole.at + length)],
  };
  return { text, origin: whole.origin, at: 0, lead: 0, table };
}

/**
 * Writes a stretch character by character over another one, and keeps the places.
 *
 * `put(character, change)` appends. A change of 0 takes the place of the next character of the old text, −n takes n more of
 * them away behind it, and 1 adds a character, which has the place of the one before it in the old text.
 */
export interface Rewriting {
  put(character: string, change: number): void;
  /** Takes characters of the old text away. */
  drop(count: number): void;
  end(): Aligned;
}

/** Begins to write over a stretch. */
export function rewriting(old: Aligned): Rewriting {
  const from: number[] = [];
  const to: number[] = [];
  let text = "";
  let next = 0;
  function drop(count: number): void {
    for (let i = 0; i < count && next < old.text.length; i++) next += widthAt(old.text, next);
  }
  return {
    put(character, change) {
      const unit = Math.min(change > 0 ? next - 1 : next, old.text.length - 1);
      const start = unit < 0 ? old.origin : fromOf(old, unit);
      const stop = unit < 0 ? old.origin : toOf(old, unit);
      for (let i = 0; i < character.length; i++) {
        from.push(start);
        to.push(stop);
      }
      text += character;
      if (change <= 0) drop(1 - change);
    },
    drop,
    end: () => ({ text, origin: old.origin, at: 0, lead: 0, table: { from, to } }),
  };
}

/** The characters that are kept. Those taken away leave no place behind. */
export function filter(old: Aligned, keep: (character: string) => boolean): Aligned {
  const writing = rewriting(old);
  let isChanged = false;
  for (const character of old.text) {
    if (keep(character)) writing.put(character, 0);
    else {
      writing.drop(1);
      isChanged = true;
    }
  }
  return isChanged ? writing.end() : old;
}
