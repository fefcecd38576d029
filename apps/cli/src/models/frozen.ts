import type { LoadModelOptions } from "@cambium/models";
import { InvalidArgumentError, Option } from "commander";

/** Ways of holding frozen layers, as the command names them. */
const FORMS = { float32: "float32", int8: "int8", int4: "int4", "as-stored": "as stored" } as const;

/** A way of holding frozen layers. */
export type FrozenForm = keyof typeof FORMS;

const isForm = (text: string): text is FrozenForm => Object.hasOwn(FORMS, text);

/** The form that a text names: with a blank too, as programs write it. */
function parseForm(text: string): FrozenForm {
  const form = text === FORMS["as-stored"] ? "as-stored" : text;
  if (isForm(form)) return form;
  throw new InvalidArgumentError(`It must be ${Object.keys(FORMS).join(", ")}.`);
}

/** The flag that says how frozen layers are held. */
export const frozenOption = (): Option =>
  new Option(
    "--frozen <form>",
    `how the layers are held: float32, rounded to int8 or int4, or as-stored in a GGUF file (default: float32)`,
  ).argParser(parseForm);

/** The same for `loadModel`. */
export const frozenSetting = (form: FrozenForm | undefined): Pick<LoadModelOptions, "frozen"> =>
  form === undefined ? {} : { frozen: FORMS[form] };
