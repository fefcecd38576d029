/** Objects of the sandbox's maths kit, in the form that `toolShape` takes: calls of their members are calls of foreign tools. */
export const KIT_TOOLS: readonly string[] = ["rational.*", "integers.*", "polynomial.*", "matrix.*", "statistics.*"];
