import type { LanguageModel } from "@cambium/models";

/** What two models must share for a delta to move between them, as far as names and shapes tell. */
export interface Structure {
  readonly model_type: string;
  readonly tensors: number;
  readonly scalars: number;
  /** Of the type and all names and shapes, in hexadecimal. */
  readonly digest: string;
}

/** FNV-1a, 64 bits, over the text's UTF-16 units (Fowler, Noll, Vo). Tells structures apart; keeps no secrets. */
function hash(text: string): string {
  let value = 0xcbf29ce484222325n;
  for (let i = 0; i < text.length; i++) {
    value = BigInt.asUintN(64, (value ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n);
  }
  return value.toString(16).padStart(16, "0");
}

/** The structure of an encoder without what depends on its task: the head, and the pooler below it. */
export function describeStructure({ config, parameters, headParameters }: LanguageModel): Structure {
  const encoder = [...parameters].filter(([name]) => !headParameters.includes(name) && !name.startsWith("pooler."));
  const lines = encoder.map(([name, { shape }]) => `${name} ${shape.join("x")}`).sort();
  return {
    model_type: config.model_type,
    tensors: encoder.length,
    scalars: encoder.reduce((count, [, { size }]) => count + size, 0),
    digest: hash([config.model_type, ...lines].join("\n")),
  };
}
