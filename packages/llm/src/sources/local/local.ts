/** A model of this process as a source: `request` → options and a conversation; text → parts of a reply. */
import { type CambiumError, ConfigError, type JsonObject } from "@cambium/base";
import type {
  ChatMessage,
  ChatOptions,
  Generated,
  Prompt,
  RunnableModel,
  ScheduledOptions,
  Scheduler,
  TextPiece,
  Tokenizer,
} from "@cambium/models";
import { CancelledError, ModelError, UnavailableError } from "../../errors.ts";
import type { AssistantPart, ToolCallPart } from "../../messages/message.ts";
import type { ModelRequest, Reply, Sampling, TextRequest, ToolDeclaration } from "../../messages/request.ts";
import { WIRE } from "../../wire/names.ts";
import type { Source, SourceContext } from "../source.ts";
import { conversationWriter, toolsOf } from "./conversation.ts";
import { extraOptions } from "./extra-fields.ts";
import { modelIdentity } from "./identity.ts";
import { logProbabilitiesToWire } from "./log-probabilities.ts";
import { checkLocalOptions, type LocalOptions, SCHEDULER_KEYS } from "./options.ts";
import { CLOSE, callReader, callSchema, OPEN, type Said } from "./tool-text.ts";

/** A model of this process. */
export interface Local extends Source {
  /** Lets the calls under way end, and lets go of what its own scheduler keeps. The weights stay the caller's. */
  close(): Promise<void>;
}

/** How long a caller is asked to wait when too many wait already. Milliseconds. */
const BUSY_WAIT = 1000;

/** An error of a scheduler as one of a provider. `field` holds what is read, in requests on the wire. */
function refusal(error: unknown, field: "messages" | "prompt"): unknown {
  const { code, details, message } = error as Partial<CambiumError>;
  if (code === "STATE" && details?.["maxWaiting"] !== undefined) {
    return new UnavailableError({
      message: `local: ${message}`,
      status: 503,
      waitMs: BUSY_WAIT,
      charged: false,
      cause: error,
    });
  }
  const most = details?.["maxLength"];
  if (typeof most !== "number") return error;
  const tokens = details!["tokens"] === undefined ? "more" : `${details!["tokens"]}`;
  return new ModelError({
    message: `This model's maximum context length is ${most} tokens, and the ${field === "prompt" ? "prompt has" : "messages have"} ${tokens}; shorten ${field === "prompt" ? "it" : "them"}`,
    ...{ status: 400, reason: "context_length_exceeded", param: field, charged: false, cause: error },
  });
}

/** A message about the schema of calls as one about the schema of a tool's parameters, which is named. */
function ofTool(
  message: string,
  named: readonly ToolDeclaration[],
): { readonly message: string; readonly tool: ToolDeclaration } | undefined {
  const [place, alternative] = /#(?:\/anyOf\/(\d+))?\/properties\/arguments/.exec(message) ?? [];
  const tool = named[Number(alternative ?? 0)];
  if (place === undefined || tool === undefined) return undefined;
  return { message: `${message.replace(place, "#")}, in the parameters of the tool "${tool.name}"`, tool };
}

/** The error of a schema that is wrong, with the place in the request where it stands. */
function ofSchema(error: unknown, { tools = [], format }: ModelRequest, named: readonly ToolDeclaration[]): unknown {
  const { code, details, message } = error as Partial<CambiumError>;
  if (code !== "CONFIG" || !/\bschema\b/.test(message ?? "")) return error;
  if (format !== undefined) {
    return new ConfigError({ message: message!, ...details, param: "response_format", cause: error });
  }
  const found = ofTool(message!, named);
  if (found === undefined) return new ConfigError({ message: message!, ...details, param: "tools", cause: error });
  return new ConfigError({
    message: found.message,
    ...{ ...details, param: `tools[${tools.indexOf(found.tool)}].function.parameters`, cause: error },
  });
}

/**
 * A model that runs in this process, as a source like any other: stored, budgeted, streamed, behind `startServer`. Needs
 * `@cambium/models`, which is imported at the first call.
 *
 * Conversations are written by the tokenizer's chat template. Calls made at the same time run together, one pass of the model a
 * token for all. Replies are told apart by hashes of weights, deltas and tokenizer: another adapter has other replies in the store.
 * `provider: { openai: { logprobs, top_logprobs, min_p, repetition_penalty } }` in a request says what requests have no words for;
 * any other field there that would change the reply is an error.
 *
 * Tools stand in the chat template where it writes them with `<tool_call>`, else in the system message (`<tools>`). Whatever stands
 * between `<tool_call>` and `</tool_call>` is made to be a call of a declared tool whose arguments fit its schema; `required` and named
 * tools make the reply one. A `format` makes the reply JSON, of its schema where there is one. A reply that ends by "length" may lack
 * its end. Keywords of schemas that cannot be followed are errors that name them, unless `loosen` is there to be told.
 *
 * @param model - With a causal-lm or sequence-to-sequence head, with deltas or without. Stays the caller's.
 * @throws {ConfigError} When an option cannot be meant.
 * @example
 * const model = await loadModel("models/smollm2", { head: { kind: "causal-lm" } });
 * const chat = llm.model(local(model, await loadTokenizer("models/smollm2")));
 */
export function local(model: RunnableModel, tokenizer: Tokenizer, options: LocalOptions = {}): Local {
  checkLocalOptions(options);
  const { name = "local", delta, temperature: usual = 0, chat: written = {}, declarations = "json", loosen } = options;
  let own: Promise<Scheduler> | undefined;

  async function scheduled(): Promise<Scheduler> {
    if (options.scheduler !== undefined) return options.scheduler;
    own ??= import("@cambium/models").then(({ scheduler }) => {
      const given = SCHEDULER_KEYS.flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]] as const]));
      return scheduler(model, tokenizer, Object.fromEntries(given));
    });
    own.catch(() => {
      own = undefined; // the call tells of it
    });
    return own;
  }

  const write = conversationWriter(tokenizer, options);

  /** The conversation of a request, and how it is written. */
  function conversationOf(request: ModelRequest): {
    readonly messages: readonly ChatMessage[];
    readonly chat: ChatOptions;
  } {
    const { messages, tools } = write(request);
    return { messages, chat: { ...written, addGenerationPrompt: true, ...(tools !== undefined && { tools }) } };
  }

  /** Throws for tools that cannot be called, or that calls cannot be told apart by. */
  function checkTools({ tools = [] }: ModelRequest): void {
    const other = tools.findIndex(
      ({ parameters: { type } }) => type !== undefined && ![type].flat().includes("object"),
    );
    if (other !== -1) {
      const { name: each, parameters } = tools[other]!;
      throw new ConfigError({
        message: `local: arguments are an object, and the parameters of the tool "${each}" are of the type ${JSON.stringify(parameters["type"])}`,
        param: `tools[${other}].function.parameters`,
      });
    }
    const names = tools.map((tool) => tool.name);
    const index = names.findIndex((each, i) => each === "" || names.indexOf(each) < i);
    if (index === -1) return;
    throw new ConfigError({
      message: `local: ${names[index] === "" ? "a tool needs a name" : `two tools are called "${names[index]}"`}`,
      param: `tools[${index}].function.name`,
    });
  }

  async function drawing(
    request: Sampling & { readonly sample?: number },
    temperature: number,
  ): Promise<Pick<ScheduledOptions, "random">> {
    if (temperature === 0) return {};
    const { random } = await import("@cambium/core");
    const { seed = crypto.getRandomValues(new Uint32Array(1))[0]!, sample = 0 } = request;
    const key = random(seed < 0 ? seed + 2 ** 53 : seed); // clients may send any whole number
    return { random: sample === 0 ? key : key.at(sample) };
  }

  /** Those of them that it must call, where it must. */
  function calledTools(request: ModelRequest): readonly ToolDeclaration[] {
    const { toolChoice } = request;
    const tools = toolsOf(request);
    return typeof toolChoice === "object" ? tools.filter(({ name: each }) => each === toolChoice.tool) : tools;
  }

  /** The form that a reply must have, or the calls in it. */
  function formOf(request: ModelRequest): Pick<ScheduledOptions, "format" | "marked"> {
    const { format, toolChoice = "auto" } = request;
    const tools = toolsOf(request);
    const named = calledTools(request);
    const isRequired = toolChoice === "required" || typeof toolChoice === "object";
    if (isRequired && named.length === 0) {
      const wanted = typeof toolChoice === "object" ? `"${toolChoice.tool}"` : "some tool";
      throw new ConfigError({ message: `local: toolChoice wants ${wanted}, and no such tool is declared` });
    }
    if (format !== undefined && tools.length > 0) {
      throw new ConfigError({
        message:
          'local: a format is of the whole reply, and calls of tools have none; ask with it for no tools, or with the choice "none" of them',
        param: "response_format",
      });
    }
    if (format !== undefined) {
      return { format: format.schema === undefined ? "json" : { schema: format.schema, ...(loosen && { loosen }) } };
    }
    if (named.length === 0) return {};
    const isLast = isRequired || isSingle(request);
    const calls = {
      schema: callSchema(named),
      ...(loosen && { loosen: (problem: string) => loosen(ofTool(problem, named)?.message ?? problem) }),
    };
    return { marked: { open: OPEN, close: CLOSE, format: calls, isRequired, isLast } };
  }

  async function optionsOf(request: Omit<ModelRequest, "messages">): Promise<ScheduledOptions> {
    const { maxTokens, temperature = usual, topP, topK, presencePenalty, frequencyPenalty, stop } = request;
    return {
      maxTokens: maxTokens ?? Number.MAX_SAFE_INTEGER,
      temperature,
      ...(topP !== undefined && { topP }),
      ...(topK !== undefined && { topK }),
      ...(presencePenalty !== undefined && { presencePenalty }),
      ...(frequencyPenalty !== undefined && { frequencyPenalty }),
      ...(stop !== undefined && { stop }),
      ...(delta !== undefined && { delta }),
      ...extraOptions((request.provider?.[WIRE] ?? {}) as JsonObject),
      ...(await drawing(request, temperature)),
    };
  }

  /** Runs a call to its end. */
  async function run(
    prompt: Prompt,
    settings: ScheduledOptions,
    { signal }: SourceContext,
    reply: ReturnType<typeof replyOf>,
    field: "messages" | "prompt",
  ): Promise<Reply> {
    const shared = await scheduled();
    try {
      for await (const event of shared.generate(prompt, { ...settings, signal })) {
        if (event.type === "piece") reply.push(event);
        else if (event.generated.finish !== "aborted") return reply.end(event.generated);
      }
    } catch (error) {
      throw refusal(error, field);
    }
    throw new CancelledError({ message: "local: the signal was aborted", cause: signal.reason });
  }

  return {
    provider: "local",
    model: name,
    free: true,
    async identify() {
      const settings = {
        delta: delta ?? null,
        temperature: usual,
        chat: JSON.parse(JSON.stringify(written)) as JsonObject,
        ...(declarations !== "json" && { declarations }),
        ...(loosen !== undefined && { loosen: true }), // without it some requests have no reply
      };
      return { model: options.identity ?? (await modelIdentity(model, tokenizer)), ...settings };
    },
    countTokens(request) {
      const { messages, chat } = conversationOf(request);
      return tokenizer.chat(messages, chat).ids.length;
    },
    async generate(request, context) {
      checkTools(request);
      const form = formOf(request);
      const { messages, chat } = conversationOf(request);
      const settings = await optionsOf(request);
      const names = toolsOf(request).map((tool) => tool.name);
      try {
        const reply = replyOf(tokenizer, names, context);
        return await run(messages, { ...settings, ...form, chat }, context, reply, "messages");
      } catch (error) {
        throw ofSchema(error, request, calledTools(request));
      }
    },
    async complete(request: TextRequest, context) {
      return run(request.prompt, await optionsOf(request), context, replyOf(tokenizer, [], context), "prompt");
    },
    async close() {
      await (await own)?.close();
    },
  };
}

/** Whether at most one tool may be called. */
const isSingle = ({ provider }: ModelRequest): boolean => provider?.[WIRE]?.["parallel_tool_calls"] === false;

/** Puts a reply together from a text's pieces, and shows them. */
function replyOf(tokenizer: Tokenizer, tools: readonly string[], { createId, onPiece }: SourceContext) {
  const reader = tools.length === 0 ? undefined : callReader(new Set(tools));
  const parts: AssistantPart[] = [];

  function take(said: readonly Said[]): void {
    for (const each of said) {
      if (each.type === "call") {
        const call: ToolCallPart = { type: "tool-call", id: createId(), name: each.name, arguments: each.arguments };
        parts.push(call);
        onPiece?.({ type: "tool-call", call });
        continue;
      }
      const last = parts.at(-1);
      if (last?.type === "text") parts[parts.length - 1] = { type: "text", text: last.text + each.text };
      else parts.push(each);
      onPiece?.(each);
    }
  }

  return {
    push({ text, token }: TextPiece): void {
      if (token !== undefined) {
        onPiece?.({
          type: "text",
          text: "",
          provider: { [WIRE]: { logprobs: logProbabilitiesToWire(tokenizer, [token]) } },
        });
      }
      take(reader === undefined ? (text === "" ? [] : [{ type: "text", text }]) : reader.push(text));
    },
    end({ finish, usage, tokens }: Generated): Reply {
      if (reader !== undefined) take(reader.end());
      const hasCalls = parts.some(({ type }) => type === "tool-call");
      return {
        content: parts,
        finish: finish === "length" ? "length" : hasCalls ? "tool-calls" : "stop",
        usage: { inputTokens: usage.prompt, outputTokens: usage.generated, cacheReadTokens: usage.cached },
        ...(tokens !== undefined && { provider: { [WIRE]: { logprobs: logProbabilitiesToWire(tokenizer, tokens) } } }),
      };
    },
  };
}
