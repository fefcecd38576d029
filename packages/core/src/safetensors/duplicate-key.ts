const [QUOTE, BACKSLASH, COLON, OPEN, CLOSE] = [0x22, 0x5c, 0x3a, 0x7b, 0x7d];

/** Index just past the string that begins at `start`. */
export function endOfString(json: string, start: number): number {
  let i = start + 1;
  while (json.charCodeAt(i) !== QUOTE) i += json.charCodeAt(i) === BACKSLASH ? 2 : 1;
  return i + 1;
}

/** Index of the first character from `start` that is no white space. */
export function skipSpace(json: string, start: number): number {
  let i = start;
  while (json.charCodeAt(i) <= 0x20) i++;
  return i;
}

/**
 * The first key that an object in a JSON text has twice. `JSON.parse` would quietly keep the last.
 *
 * @param json - Valid JSON.
 */
export function findDuplicateKey(json: string): string | undefined {
  const keysOfOpen: Set<string>[] = [];
  for (let i = 0; i < json.length; i++) {
    const character = json.charCodeAt(i);
    if (character === OPEN) keysOfOpen.push(new Set());
    else if (character === CLOSE) keysOfOpen.pop();
    else if (character === QUOTE) {
      const end = endOfString(json, i);
      if (json.charCodeAt(skipSpace(json, end)) === COLON) {
        const key = JSON.parse(json.slice(i, end)) as string;
        const keys = keysOfOpen.at(-1)!;
        if (keys.has(key)) return key;
        keys.add(key);
      }
      i = end - 1;
    }
  }
  return undefined;
}
