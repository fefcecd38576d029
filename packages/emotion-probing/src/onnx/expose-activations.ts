import { ConfigError, checkOptions, FormatError } from "@cambium/base";
import { findActivations } from "./find-activations.ts";
import { type Graph, graphOf, PROTO } from "./graph.ts";
import {
  bytesField,
  type Field,
  fieldsOf,
  integerField,
  integersOf,
  messageField,
  messageOf,
  textField,
  textsOf,
} from "./wire.ts";

/** Settings of `exposeActivations`. */
export interface ExposeActivationsOptions {
  /** Whether the activations become outputs. Outputs keep a runtime from fusing them away, so a plain session stays faster. @default true */
  readonly outputs?: boolean;
  /**
   * How inputs are put in that change them: `inputs`, which every run has to be given, for onnxruntime in JavaScript, whose sessions pass
   * over inputs that have defaults; `defaults`, which a run may leave out, for onnxruntime in Python, C and others; `none`.
   * @default "inputs"
   */
  readonly masks?: "inputs" | "defaults" | "none";
}

/** An activation of the edited model. */
export interface ExposedActivation {
  /** From 0, in the order in which the file computes them. */
  readonly layer: number;
  /** How the file writes it: `Gelu`, `erf`, `silu, gated`. */
  readonly kind: string;
  /** Name of its value: an output of the model, where outputs were asked for. `[batch, seq, width]` in most files. */
  readonly output: string;
  /** Inputs: what is read on is `mask · activation + delta`. Any shape that spreads over the activation's. */
  readonly mask?: string;
  readonly delta?: string;
  readonly dtype: "float32" | "float16" | "bfloat16" | "float64";
  /** Neurons, where the file tells. */
  readonly width?: number;
}

/** A model with its activations open. */
export interface ExposedOnnx {
  /** The file. Weights in other files stay there: put it beside them. */
  readonly model: Uint8Array;
  readonly activations: readonly ExposedActivation[];
  /** What to feed where nothing is to be changed, by input: 1 and 0, of shape [1]. Halves are bits. */
  readonly neutral: Readonly<Record<string, NeutralInput>>;
}

/** A value for `new Tensor(dtype, data, dims)`. */
export interface NeutralInput {
  readonly dtype: ExposedActivation["dtype"];
  readonly data: Float32Array | Float64Array | Uint16Array;
  readonly dims: readonly [1];
}

/** Element types of onnx.proto3, and 1 in each. */
const ELEMENTS: Readonly<
  Record<number, { readonly dtype: ExposedActivation["dtype"]; readonly one: readonly number[] }>
> = {
  1: { dtype: "float32", one: [0, 0, 128, 63] },
  10: { dtype: "float16", one: [0, 60] },
  11: { dtype: "float64", one: [0, 0, 0, 0, 0, 0, 240, 63] },
  16: { dtype: "bfloat16", one: [128, 63] },
};
const FLOAT = 1;
/** Below this, an initialiser that is no input cannot be, and one that is one always is, overridden. */
const LEAST_IR = 4;

/**
 * Opens the feed-forward activations of any ONNX model without exporting it again: each becomes an output, and is multiplied by an input
 * `L{i}.mask` and added to an input `L{i}.delta` before it is read on.
 *
 * @param model - The content of an `.onnx` file, in 32, 16 or 64 bits. Feed the edited file to a session of its own.
 * @throws {FormatError} For what is no ONNX model, or one whose activations cannot be found, as where they are part of quantised
 *   operators. @throws {ConfigError} For options that do not exist, or where nothing is left to be done.
 * @example
 * const { model, activations, neutral } = exposeActivations(await readFile("model.onnx"));
 * const session = await InferenceSession.create(model);
 * const same = Object.entries(neutral).map(([name, { dtype, data, dims }]) => [name, new Tensor(dtype, data, dims)]);
 * const { mask, width } = activations[3];
 * const factors = new Float32Array(width).fill(1);
 * factors[17] = 0; // without neuron 17 of layer 3
 * await session.run({ ...inputs, ...Object.fromEntries(same), [mask]: new Tensor("float32", factors, [width]) });
 */
export function exposeActivations(model: Uint8Array, options: ExposeActivationsOptions = {}): ExposedOnnx {
  checkOptions("exposeActivations", options, ["outputs", "masks"]);
  const { outputs = true, masks = "inputs" } = options;
  if (!["inputs", "defaults", "none"].includes(masks))
    throw new ConfigError({
      message: `exposeActivations: masks must be "inputs", "defaults" or "none", got "${masks}"`,
    });
  if (!outputs && masks === "none")
    throw new ConfigError({ message: "exposeActivations: without outputs and masks the model stays as it is" });
  const fields = fieldsOf(model);
  const place = fields.findIndex(({ number, type }) => number === PROTO.model.graph && type === 2);
  const [version = 0] = integersOf(fields, PROTO.model.irVersion);
  if (place < 0 || fields.every(({ number }) => number !== PROTO.model.opset))
    throw new FormatError({ message: "exposeActivations: the file is no ONNX model" });
  if (masks === "defaults" && version < LEAST_IR) {
    throw new FormatError({
      message: `exposeActivations: the file is of IR version ${version}, in which inputs have no defaults; convert it to ${LEAST_IR} or later, or pass masks: "inputs"`,
      version,
    });
  }
  const graph = graphOf(fields[place]!.bytes);
  checkNames(graph);
  const found = findActivations(graph);
  if (found.length === 0) throw new FormatError({ message: `exposeActivations: ${nothingFound(graph)}` });
  const activations = found.map(({ value, kind, width, element = FLOAT }, layer): ExposedActivation => {
    const known = ELEMENTS[element];
    if (known === undefined) {
      throw new FormatError({
        message: `exposeActivations: the activation of layer ${layer}, ${value}, is of element type ${element}, which is no float`,
      });
    }
    return {
      layer,
      kind,
      output: value,
      ...(masks !== "none" && { mask: `L${layer}.mask`, delta: `L${layer}.delta` }),
      dtype: known.dtype,
      ...(width !== undefined && { width }),
    };
  });
  const edited = edit(graph, activations, outputs, masks === "defaults");
  return {
    model: messageOf(fields.map((field, i) => (i === place ? bytesField(field.number, messageOf(edited)) : field))),
    activations,
    neutral: Object.fromEntries(
      activations.flatMap(({ mask, delta, dtype }) =>
        mask === undefined
          ? []
          : [
              [mask, neutralOf(dtype, true)],
              [delta!, neutralOf(dtype, false)],
            ],
      ),
    ),
  };
}

function neutralOf(dtype: ExposedActivation["dtype"], isOne: boolean): NeutralInput {
  const { one } = ELEMENTS[elementOf(dtype)]!;
  const { buffer } = isOne ? Uint8Array.from(one) : new Uint8Array(one.length);
  const data =
    dtype === "float32"
      ? new Float32Array(buffer)
      : dtype === "float64"
        ? new Float64Array(buffer)
        : new Uint16Array(buffer);
  return { dtype, data, dims: [1] };
}

function nothingFound({ nodes }: Graph): string {
  const quantised = [...new Set(nodes.map(({ op }) => op))].filter((op) =>
    /^(QLinear|QGelu|QAttention|Q[A-Z])/.test(op),
  );
  if (quantised.length > 0)
    return `the activations are part of quantised operators (${quantised.join(", ")}), where nothing can be read or changed; take the model in floats`;
  const nested = nodes.find(({ op }) => op === "If" || op === "Loop" || op === "Scan");
  if (nested !== undefined)
    return `no activation was found in the main graph, and what is inside of ${nested.op} cannot be opened; take a model whose layers stand in the main graph`;
  return "no activation that a product with a weight reads was found; known are Gelu, its relatives, Relu, and what exporters write for gelu and silu";
}

function checkNames({ maker, weights, readers }: Graph): void {
  const taken = [...maker.keys(), ...weights.keys(), ...readers.keys()].find((name) =>
    /^L\d+\.(mask|delta)$/.test(name),
  );
  if (taken === undefined) return;
  throw new FormatError({
    message: `exposeActivations: the model has a value "${taken}" already; was it edited before?`,
  });
}

/** The graph's fields with the nodes, inputs and outputs put in. */
function edit(
  { fields, maker }: Graph,
  activations: readonly ExposedActivation[],
  outputs: boolean,
  defaults: boolean,
): Field[] {
  const byNode = new Map<number, ExposedActivation>();
  for (const activation of activations) byNode.set(maker.get(activation.output)!.at, activation);
  const isOutput = new Set(
    fields
      .filter(({ number }) => number === PROTO.graph.output)
      .map(({ bytes }) => textsOf(fieldsOf(bytes), PROTO.value.name)[0]),
  );
  const changed = fields.flatMap((field, at): Field[] => {
    const activation = byNode.get(at);
    if (activation?.mask === undefined) return [field];
    const { output, mask, delta } = activation;
    const own = fieldsOf(field.bytes).map((part) =>
      part.number === PROTO.node.output && textsOf([part], PROTO.node.output)[0] === output
        ? textField(PROTO.node.output, `${output}/before`)
        : part,
    );
    return [
      bytesField(field.number, messageOf(own)),
      nodeField("Mul", [`${output}/before`, mask], `${output}/masked`),
      nodeField("Add", [`${output}/masked`, delta!], output),
    ];
  });
  const inputs = activations.flatMap(({ mask, delta, dtype }) =>
    mask === undefined
      ? []
      : [
          valueField(PROTO.graph.input, mask, dtype),
          valueField(PROTO.graph.input, delta!, dtype),
          ...(defaults ? [scalarField(mask, dtype, true), scalarField(delta!, dtype, false)] : []),
        ],
  );
  const added = outputs
    ? activations
        .filter(({ output }) => !isOutput.has(output))
        .map(({ output, dtype }) => valueField(PROTO.graph.output, output, dtype))
    : [];
  return [...changed, ...inputs, ...added];
}

const elementOf = (dtype: string): number =>
  Number(Object.entries(ELEMENTS).find(([, one]) => one.dtype === dtype)![0]);

const nodeField = (op: string, inputs: readonly string[], output: string): Field =>
  messageField(PROTO.graph.node, [
    ...inputs.map((name) => textField(PROTO.node.input, name)),
    textField(PROTO.node.output, output),
    textField(PROTO.node.name, output),
    textField(PROTO.node.op, op),
  ]);

/** A value of any shape. */
const valueField = (number: number, name: string, dtype: string): Field =>
  messageField(number, [
    textField(PROTO.value.name, name),
    messageField(PROTO.value.type, [
      messageField(PROTO.type.tensor, [integerField(PROTO.tensorType.element, elementOf(dtype))]),
    ]),
  ]);

/** An initialiser of one element: 1 or 0. */
function scalarField(name: string, dtype: string, isOne: boolean): Field {
  const { one } = ELEMENTS[elementOf(dtype)]!;
  return messageField(PROTO.graph.initializer, [
    integerField(PROTO.tensor.dims, 1),
    integerField(PROTO.tensor.type, elementOf(dtype)),
    textField(PROTO.tensor.name, name),
    bytesField(PROTO.tensor.raw, isOne ? Uint8Array.from(one) : new Uint8Array(one.length)),
  ]);
}
