/** Tokens that attention looks back over at most, where a config limits them to fewer than a text may have. */
export function windowOf(config: object, most: number): number | undefined {
  const { sliding_window: window, use_sliding_window: isUsed } = config as Readonly<Record<string, unknown>>;
  return typeof window === "number" && isUsed !== false && window < most ? window : undefined;
}
