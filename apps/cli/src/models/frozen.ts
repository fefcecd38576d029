import type { LoadModelOptions } from "@cambium/models";
import { Option } from "commander";

/** Ways of holding frozen layers in few bits, as the command names them. */
const FORMS = ["int8", "int4", "as-stored"] as const;

/** A way of holding frozen layers. */
export type FrozenForm = (typeof FORMS)[number];

/** The flag that says how frozen layers are held. */
export const frozenOption = (): Option =>
  new Option(
    "--frozen <form>",
    "hold the layers in fewer bits: rounded, or as a GGUF file has them (default: float32)",
  ).choices(FORMS);

/** The same for `loadModel`. */
export const frozenSetting = (form: FrozenForm | undefined): Pick<LoadModelOptions, "frozen"> =>
  form === undefined ? {} : { frozen: form === "as-stored" ? "as stored" : form };
