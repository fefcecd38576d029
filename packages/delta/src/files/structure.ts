import { fingerprint, type Parameters } from "@cambium/core";
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

/** The parameters of a body without what depends on its task: the head, and parts such as the pooler that files may lack. */
function bodyOf({ layout, parameters, headParameters, isBody }: LanguageModel): Parameters {
  const isOptional = (name: string): boolean => layout.parameters.get(name)?.part !== undefined;
  return new Map(
    [...parameters].filter(([name]) => isBody(name) && !isOptional(name) && !headParameters.includes(name)),
  );
}

/** The structure of a body. */
export function describeStructure(model: LanguageModel): Structure {
  const { model_type } = model.config;
  const body = [...bodyOf(model)];
  const lines = body.map(([name, { shape }]) => `${name} ${shape.join("x")}`).sort();
  return {
    model_type,
    tensors: body.length,
    scalars: body.reduce((count, [, { size }]) => count + size, 0),
    digest: hash([model_type, ...lines].join("\n")),
  };
}

/** What tells bodies of one structure apart by their norms and biases, which are floats whether or not matrices are in 8 or 4 bits. */
export function fingerprintVectors(model: LanguageModel): Promise<string> {
  return fingerprint(new Map([...bodyOf(model)].filter(([, { shape }]) => shape.length === 1)));
}
