import { ConfigError, checkOptions, nearest } from "@cambium/base";
import {
  type Around,
  around,
  type Flow,
  FORWARD_KEYS,
  type ForwardOptions,
  type Hook,
  type Kind,
  type Role,
  type Runnable,
  type Site,
} from "@cambium/core";
import { clone, dispose, keep, type Tensor } from "@tensorflow/tfjs-core";

/** A forward pass, and what flowed through it. */
export interface Capture<Output> {
  /** What `model.forward` returns. The caller owns its tensors. */
  readonly output: Output;
  /** What left each site, by the site's path, in the order of the sites; of the embeddings the rows. The caller owns the tensors. */
  readonly captured: ReadonlyMap<string, Tensor>;
}

/**
 * Runs a model and keeps what leaves the sites of some roles, as other hooks left it.
 *
 * Attention runs in pieces where its pattern is captured.
 *
 * @param roles - Which sites.
 * @param options - As for `model.forward`.
 * @throws {ConfigError} When the model has no site of a role, or an option does not exist; the nearest is named.
 * @example
 * const { captured } = capture(model, batch, ["ff.act"]);
 * captured.get("encoder.layer.3.intermediate"); // [batch, seq, dFf]
 */
export function capture<Input, Output>(
  model: Runnable<Input, Output>,
  input: Input,
  roles: readonly Role[],
  options: ForwardOptions = {},
): Capture<Output> {
  checkOptions("capture", options, FORWARD_KEYS);
  const present = new Set(model.sites().map((site) => site.role));
  for (const role of roles) {
    if (present.has(role)) continue;
    const near = nearest(role, present);
    throw new ConfigError({
      message: `capture: the model has no site of role "${role}"${near === undefined ? "" : `; was "${near}" meant`}; it has ${[...present].join(", ")}`,
      role,
    });
  }
  const kept = new Map<string, Tensor>();
  const kinds = new Set(
    model
      .sites()
      .filter((site) => roles.includes(site.role))
      .map((site) => site.kind),
  );
  const hooks = [...kinds].map((kind) => keeping(kind, (site) => roles.includes(site.role), kept));
  try {
    const output = model.forward(input, { ...options, hooks: [...(options.hooks ?? []), ...hooks] });
    return { output, captured: inOrder(model.sites(), kept) };
  } finally {
    dispose([...kept.values()]);
  }
}

/** Copies of what was kept, in the order of the sites, for the scope of the caller. */
function inOrder(sites: readonly Site[], kept: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  const paths = sites.map((site) => site.path).filter((path) => kept.has(path));
  return new Map(paths.map((path) => [path, clone(kept.get(path)!)]));
}

/** A hook that keeps what leaves sites of a kind, past the end of the model's own `tidy`. */
function keeping<K extends Kind>(kind: K, at: (site: Site) => boolean, kept: Map<string, Tensor>): Hook {
  const hook: Around<K> = around(kind, at, ({ site, input, next }) => {
    const output = next(input);
    kept.set(site.path, keep(clone(tensorOf(output))));
    return output;
  });
  return hook as unknown as Hook;
}

function tensorOf(output: Flow[Kind]["output"]): Tensor {
  return "x" in output ? output.x : output;
}
