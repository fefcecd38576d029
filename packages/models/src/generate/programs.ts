/** A model's passes behind rows that came before, as graphs for any number of sequences, rows and rows before. */
import { StateError } from "@cambium/base";
import {
  compileDynamic,
  type DynamicFunction,
  type DynamicInput,
  type Parameters,
  type ScopeCache,
  type Site,
} from "@cambium/core";
import {
  clone,
  dispose,
  engine,
  keep,
  reshape,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
} from "@tensorflow/tfjs-core";
import type { RunnableModel } from "../runnable.ts";
import { windowOf } from "../window.ts";

/** A model, with deltas or without. */
export type DecodedModel = RunnableModel & {
  readonly parameters?: Parameters;
  readonly base?: { readonly parameters: Parameters };
};

/** What a pass is compiled for. */
export interface PassKind {
  /** Whether it is for the first rows of sequences only, as prompts and prefixes need it. */
  readonly isFirst: boolean;
  /** Whether rows name their deltas. */
  readonly hasDeltas: boolean;
}

/** A compiled pass. */
export interface PassProgram {
  readonly program: DynamicFunction;
  /** Whether something in it acts on the first rows of sequences only: those need a pass of their own then. */
  readonly isForLater: boolean;
  /** Says that it is used, so that others are freed before it. */
  touch(): void;
}

type Inputs = Readonly<Record<string, Tensor>>;

/** The names of what one attention keeps. */
export const keyName = (layer: number): string => `key.${layer}`;
export const valueName = (layer: number): string => `value.${layer}`;

/** The name of what comes out of a pass under the name of what goes in. */
export const madeName = (name: string): string => `new.${name}`;

/** The attentions whose keys and values are kept, in the order of the layers. */
export const keptSites = (model: RunnableModel): readonly Site[] =>
  model.sites().filter(({ kind }) => kind === "attention");

function inputsOf(sites: readonly Site[], { isFirst, hasDeltas }: PassKind): Readonly<Record<string, DynamicInput>> {
  const kept = sites.flatMap(({ width, keyHeads }, layer): [string, DynamicInput][] => [
    [keyName(layer), { shape: [`${keyHeads} * batch`, 1, width, "past"], type: "float32" }],
    [valueName(layer), { shape: [`${keyHeads} * batch`, 1, "past", width], type: "float32" }],
  ]);
  return {
    ids: { shape: ["batch", "rows"], type: "int32" },
    mask: { shape: ["batch", "rows"], type: "float32" },
    ...(hasDeltas && { deltas: { shape: ["batch"], type: "int32" } }),
    ...(!isFirst && {
      seen: { shape: ["batch", "past"], type: "float32" },
      position: { shape: ["batch", 1], type: "int32" },
      ...Object.fromEntries(kept),
    }),
  };
}

/** Positions that a model must have for its passes to be recorded, at sizes that tell their dimensions apart. */
const FEWEST = 16;

/** One pass: the scores of each sequence's last row, what attentions keep of the new rows, which of these are real, and where. */
function passOf(model: DecodedModel, sites: readonly Site[], { isFirst, hasDeltas }: PassKind) {
  const layers = new Map(sites.map(({ path }, layer) => [path, layer]));
  let isForLater = false;

  function run(inputs: Inputs): Inputs {
    const made = new Map<string, Tensor>();
    const cache: ScopeCache = {
      get isEmpty() {
        isForLater = !isFirst;
        return isFirst;
      },
      mask: inputs["seen"] as Tensor2D | undefined,
      position: inputs["position"] as Tensor2D | undefined,
      nextPosition: 0, // whoever runs it checks that there are positions enough
      before(path) {
        if (isFirst) return undefined;
        const layer = layers.get(path)!;
        return { columns: inputs[keyName(layer)] as Tensor4D, rows: inputs[valueName(layer)] as Tensor4D };
      },
      record(path, key, value) {
        const layer = layers.get(path)!;
        made.set(keyName(layer), keep(clone(key)));
        made.set(valueName(layer), keep(clone(value)));
      },
      once: (_, make) => make(),
    };
    const batch = {
      ids: inputs["ids"] as Tensor2D,
      mask: inputs["mask"] as Tensor2D,
      ...(hasDeltas && { rows: inputs["deltas"] as Tensor1D }),
    };
    try {
      const { logits, mask, positions } = model.forward(batch, { cache, lastOnly: true });
      const [size, , vocab] = logits!.shape as [number, number, number];
      const kept = [...made].map(([name, rows]) => [madeName(name), clone(rows)]);
      return { scores: reshape(logits!, [size, vocab]), real: mask, at: positions!, ...Object.fromEntries(kept) };
    } finally {
      dispose([...made.values()]);
    }
  }

  return {
    run,
    get isForLater() {
      return isForLater;
    },
  };
}

/** A graph that was compiled, with what tells for which passes it may serve. */
interface Compiled {
  readonly backend: unknown;
  readonly kind: string;
  readonly program: DynamicFunction;
}

/**
 * What was compiled, by the weights that the graphs read, so that another adapter on the same model finds it; the least recently used
 * first. The backend frees all of it with the weights.
 */
const compiled = new WeakMap<Parameters, Compiled[]>();

/** Graphs that are kept for the same weights. Each may hold a packed copy of them. */
const MOST_GRAPHS = 8;

/** Puts a graph at the end of those of its weights, and frees those that are too many. */
function keepGraph(weights: Parameters, graph: Compiled): void {
  const others = (compiled.get(weights) ?? []).filter((each) => each !== graph && !each.program.isDisposed);
  for (const each of others.splice(0, Math.max(0, others.length + 1 - MOST_GRAPHS))) each.program.dispose();
  compiled.set(weights, [...others, graph]);
}

/** The weights below all deltas. */
export const weightsOf = (model: DecodedModel): Parameters => model.base?.parameters ?? model.parameters ?? new Map();

/** Records or compiles a pass; what reads elements in the middle of it is told of in the caller's words. */
function recorded<T>(make: () => T): T {
  try {
    return make();
  } catch (cause) {
    const { code, details } = cause as { readonly code?: unknown; readonly details?: { readonly kernel?: unknown } };
    if (code !== "STATE" || details?.kernel === undefined) throw cause;
    throw new StateError({
      message:
        'generate: something on the model, such as a hook, reads elements of tensors while it runs, which graphs that are compiled once cannot; let it compute with tensors, or generate on another backend, such as await useBackend("cpu")',
      cause,
    });
  }
}

/**
 * The graph of a pass, compiled unless a model of the same structure on the same weights was.
 *
 * @returns Nothing where the backend compiles no such functions, or the model has hardly any positions.
 * @throws {StateError} Where a hook reads elements that depend on what the model reads.
 */
export function passProgram(model: DecodedModel, kind: PassKind): PassProgram | undefined {
  const sites = keptSites(model);
  const most = model.architecture.maximumLength(model.config);
  if (most < FEWEST) return undefined;
  const pass = passOf(model, sites, kind);
  const weights = weightsOf(model);
  const { backend } = engine();
  const known = (compiled.get(weights) ?? []).filter(({ program }) => !program.isDisposed);
  const found = (program: DynamicFunction, graph: Compiled): PassProgram => {
    const touch = (): void => {
      if (compiled.get(weights)?.at(-1) !== graph) keepGraph(weights, graph);
    };
    touch();
    return { program, isForLater: pass.isForLater, touch };
  };
  const inputs = inputsOf(sites, kind);
  const signature = Object.keys(inputs).join();
  for (const other of known) {
    if (other.backend !== backend || other.kind !== signature) continue;
    const program = recorded(() => other.program.with(pass.run));
    if (program !== undefined) return found(program, other);
  }
  const window = windowOf(model.config, most); // below it a model computes as if there were none
  const program = recorded(() =>
    compileDynamic(pass.run, inputs, {
      dynamic: {
        batch: {},
        rows: { longest: Math.min(64, Math.floor(most / 2)) },
        ...(!kind.isFirst && {
          past: { least: 0, ...(window !== undefined && { recordFrom: Math.max(2, window), longest: window + 64 }) },
        }),
      },
      frozen: weights.values(),
    }),
  );
  if (program === undefined) return undefined;
  return found(program, { backend, kind: signature, program });
}
