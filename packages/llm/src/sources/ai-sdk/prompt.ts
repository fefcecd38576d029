import type {
  AssistantPart,
  FilePart,
  Message,
  ProviderData,
  TextPart,
  ToolResultPart,
} from "../../messages/message.ts";
import { parseArguments } from "../../messages/message.ts";
import type { ModelRequest } from "../../messages/request.ts";
import { SENT_BACK, type Version } from "./model.ts";

const options = (provider: ProviderData | undefined): object =>
  provider === undefined ? {} : { providerOptions: provider };

function fileToSdk({ mediaType, data, name, provider, reasoning }: FilePart, version: Version): object {
  const tagged = data instanceof URL ? { type: "url", url: data } : { type: "data", data };
  const type = version === "v4" && reasoning === true ? "reasoning-file" : "file";
  const filename = name === undefined ? {} : { filename: name };
  return { type, mediaType, data: version === "v4" ? tagged : data, ...filename, ...options(provider) };
}

function textToSdk({ text, provider }: TextPart): object {
  return { type: "text", text, ...options(provider) };
}

/** A file inside a tool's result: V3 has a type for each combination of image or file, bytes or address. */
function resultFileToSdk(part: FilePart, version: Version): object {
  if (version === "v4") return fileToSdk(part, version);
  const { mediaType, data, name, provider } = part;
  const kind = mediaType.startsWith("image/") ? "image" : "file";
  if (data instanceof URL) return { type: `${kind}-url`, url: data.href, ...options(provider) };
  const base64 = Buffer.from(data).toString("base64");
  const filename = name === undefined || kind === "image" ? {} : { filename: name };
  return { type: `${kind}-data`, data: base64, mediaType, ...filename, ...options(provider) };
}

function outputToSdk({ output, isError = false }: ToolResultPart, version: Version): object {
  if (typeof output === "string") return { type: isError ? "error-text" : "text", value: output };
  if ("json" in output) return { type: isError ? "error-json" : "json", value: output.json };
  const value = output.parts.map((part) => (part.type === "text" ? textToSdk(part) : resultFileToSdk(part, version)));
  return { type: "content", value };
}

function partToSdk(part: AssistantPart, version: Version): object[] {
  switch (part.type) {
    case "text":
      return [textToSdk(part)];
    case "reasoning":
      return [{ type: "reasoning", text: part.text, ...options(part.provider) }];
    case "file":
      return [fileToSdk(part, version)];
    case "tool-call": {
      // What the model wrote may be no JSON; then it goes back as the text it is.
      const parsed = parseArguments(part);
      const input = parsed.ok ? parsed.value : part.arguments;
      return [{ type: "tool-call", toolCallId: part.id, toolName: part.name, input, ...options(part.provider) }];
    }
    case "other": {
      if (!SENT_BACK.has(part.kind)) return [];
      const { providerMetadata, ...value } = part.value;
      return [{ ...value, ...(providerMetadata === undefined ? {} : { providerOptions: providerMetadata }) }];
    }
  }
}

function messageToSdk(message: Message, version: Version): object {
  const { role, provider } = message;
  const extra = options(provider);
  if (role === "system") return { role, content: message.content, ...extra };
  if (role === "tool") {
    const content = message.content.map((part) => ({
      type: "tool-result",
      toolCallId: part.id,
      toolName: part.name,
      output: outputToSdk(part, version),
      ...options(part.provider),
    }));
    return { role, content, ...extra };
  }
  const parts =
    typeof message.content === "string" ? [{ type: "text" as const, text: message.content }] : message.content;
  return { role, content: parts.flatMap((part) => partToSdk(part, version)), ...extra };
}

/** The options of `doGenerate` and `doStream`. */
export function requestToSdk(request: ModelRequest, version: Version): object {
  const { tools, toolChoice, format, maxTokens, temperature, topP, topK, stop, seed } = request;
  const { presencePenalty, frequencyPenalty, provider } = request;
  const all = {
    prompt: request.messages.map((message) => messageToSdk(message, version)),
    maxOutputTokens: maxTokens,
    temperature,
    topP,
    topK,
    presencePenalty,
    frequencyPenalty,
    stopSequences: stop,
    seed,
    tools: tools?.map(({ name, description, parameters, strict }) => ({
      type: "function",
      name,
      inputSchema: parameters,
      ...(description === undefined ? {} : { description }),
      ...(strict === undefined ? {} : { strict }),
    })),
    toolChoice:
      typeof toolChoice === "object" ? { type: "tool", toolName: toolChoice.tool } : toolChoice && { type: toolChoice },
    responseFormat: format && { type: "json", ...format },
    providerOptions: provider,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
