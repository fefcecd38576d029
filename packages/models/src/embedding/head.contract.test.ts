import { describe } from "vitest";
import { architectures } from "../architectures/index.ts";
import { describeArchitecture } from "../testing/index.ts";

const oneStack = architectures.filter(({ batch }) => batch !== "source+target");

describe.each(oneStack.map((each) => [each.types[0]!, each] as const))("an embedding head on %s", (_, architecture) => {
  describeArchitecture(architecture, { heads: ["embedding"] });
});
