const OBJECTS: readonly string[] = ["rational.*", "integers.*", "polynomial.*", "matrix.*", "statistics.*"];

/**
 * Objects of the sandbox's maths kit, in the form that `toolShape` takes: calls of their members are calls of foreign tools.
 * There is no kit for Python.
 */
export const kitTools = (language: "javascript" | "python"): readonly string[] =>
  language === "javascript" ? OBJECTS : [];
