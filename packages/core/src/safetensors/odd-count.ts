import { endOfString, skipSpace } from "./duplicate-key.ts";

const [QUOTE, COLON, OPEN, CLOSE] = [0x22, 0x3a, 0x7b, 0x7d];

/** Fields of a tensor's entry that hold counts. */
const COUNTED = ["shape", "data_offsets"];

const isNumberStart = (character: number): boolean => character === 0x2d || (character >= 0x30 && character <= 0x39);

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** A count as it was written, and whose it is. */
export interface OddCount {
  readonly tensor: string;
  readonly text: string;
}

/**
 * The first count of a header that is not written as a whole number in plain digits, such as `3.0`, `1e1` or `-0`:
 * `JSON.parse` would make whole numbers of them. What is no count at all is left to the check of values.
 *
 * @param json - Valid JSON.
 */
export function findOddCount(json: string): OddCount | undefined {
  const number = /[-+.\dEe]+/y;
  const keys: (string | undefined)[] = []; // the last key of each open object
  for (let i = 0; i < json.length; i++) {
    const character = json.charCodeAt(i);
    if (character === OPEN) keys.push(undefined);
    else if (character === CLOSE) keys.pop();
    else if (character === QUOTE) {
      const end = endOfString(json, i);
      if (json.charCodeAt(skipSpace(json, end)) === COLON) keys[keys.length - 1] = JSON.parse(json.slice(i, end));
      i = end - 1;
    } else if (isNumberStart(character)) {
      number.lastIndex = i;
      const text = number.exec(json)![0];
      const [tensor, field] = keys;
      if (keys.length === 2 && COUNTED.includes(field!) && /\D/.test(text) && isCount(Number(text)))
        return { tensor: tensor!, text };
      i += text.length - 1;
    }
  }
  return undefined;
}
