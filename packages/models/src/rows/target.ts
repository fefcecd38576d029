import { ConfigError } from "@cambium/base";
import type { Row } from "../row.ts";

/** A target that is a text. */
export function textOf({ target }: Pick<Row, "target">, index: number): string {
  if (typeof target === "string") return target;
  throw new ConfigError({
    message: `collate: row ${index} needs a text as target, got ${JSON.stringify(target)}`,
    index,
  });
}
