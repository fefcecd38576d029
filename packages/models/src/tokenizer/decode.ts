/** Ids to text, all at once or one by one. */
import { ConfigError, checkOptions } from "@cambium/base";
import type { Sink } from "./decoders.ts";
import type { Pipeline } from "./pipeline.ts";

/** Settings of `decode` and `decodeStream`. */
export interface DecodeOptions {
  /** Whether special tokens are left out. @default true */
  readonly skipSpecial?: boolean;
  /** Whether blanks before punctuation and English endings go. @default what tokenizer_config.json says */
  readonly cleanUp?: boolean;
}

/** Text of ids that come one by one. All that `push` and `end` give, joined, is what `decode` gives for all of the ids. */
export interface DecodeStream {
  /** Takes an id, and gives the text that nothing behind it can change any more: perhaps none yet. */
  push(id: number): string;
  /** The rest. Nothing may be pushed afterwards. */
  end(): string;
}

/** English blanks as people write them, as transformers has it. */
function cleanUp(text: string): string {
  return text
    .replaceAll(" .", ".")
    .replaceAll(" ?", "?")
    .replaceAll(" !", "!")
    .replaceAll(" ,", ",")
    .replaceAll(" ' ", "'")
    .replaceAll(" n't", "n't")
    .replaceAll(" 'm", "'m")
    .replaceAll(" 's", "'s")
    .replaceAll(" 've", "'ve")
    .replaceAll(" 're", "'re");
}

/** Where a text may be parted without changing what is cleaned up on either side: before the last blank behind most characters. */
function safePlace(text: string): number {
  let place = text.lastIndexOf(" ");
  while (place > 0 && " 'n".includes(text[place - 1]!)) place = text.lastIndexOf(" ", place - 1);
  return Math.max(0, place);
}

/** Cleans text up that comes in parts. */
function cleaning(next: (text: string) => void): { put(text: string): void; end(): void } {
  let held = "";
  return {
    put(text) {
      held += text;
      const place = safePlace(held);
      next(cleanUp(held.slice(0, place)));
      held = held.slice(place);
    },
    end: () => next(cleanUp(held)),
  };
}

/** Begins to decode. */
export function decodeStream(
  caller: string,
  pipeline: Pipeline,
  isClean: boolean,
  options: DecodeOptions,
): DecodeStream {
  checkOptions(caller, options, ["skipSpecial", "cleanUp"]);
  const { skipSpecial = true, cleanUp: cleans = isClean } = options;
  const { added, tokenOf, decoder } = pipeline;
  let ready = "";
  const collect = (text: string): void => {
    ready += text;
  };
  const take = (): string => {
    const text = ready;
    ready = "";
    return text;
  };
  const cleaner = cleans ? cleaning(collect) : { put: collect, end: () => {} };
  const sink: Sink = decoder({ put: (text) => cleaner.put(text), end: () => cleaner.end() });
  return {
    push(id) {
      if (!Number.isInteger(id))
        throw new ConfigError({ message: `${caller}: an id must be a whole number, got ${id}` });
      const token = tokenOf(id);
      if (token !== undefined && !(skipSpecial && added.special.has(token))) sink.put(token, true, true);
      return take();
    },
    end() {
      sink.end();
      return take();
    },
  };
}
