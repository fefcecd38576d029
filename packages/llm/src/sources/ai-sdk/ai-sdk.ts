import { ConfigError } from "@cambium/base";
import { UnavailableError } from "../../errors.ts";
import type { Source } from "../source.ts";
import { errorFromSdk } from "./errors.ts";
import type { AiSdkModel, SdkPart, Version } from "./model.ts";
import { requestToSdk } from "./prompt.ts";
import { partFromSdk, replyFromSdk } from "./reply.ts";
import { readSdkStream } from "./stream.ts";

/**
 * A language model of the AI SDK as a source, whichever of the two interfaces it has.
 *
 * `provider` data of parts and messages are the SDK's provider options and metadata. Tools that a provider runs by itself
 * stand in the reply as parts of type `other`.
 *
 * @throws {ConfigError} When the model has another interface than V3 (`ai` 6) and V4 (`ai` 7).
 */
export function aiSdk(model: AiSdkModel): Source {
  const { specificationVersion, provider, modelId } = model;
  if (specificationVersion !== "v3" && specificationVersion !== "v4") {
    throw new ConfigError({
      message: `model: expected a language model of ai 6 (v3) or 7 (v4), got "${specificationVersion}"; install one of these with its providers`,
    });
  }
  const version: Version = specificationVersion;
  return {
    provider,
    model: modelId,
    async generate(request, context) {
      const options = { ...requestToSdk(request, version), abortSignal: context.signal };
      try {
        if (context.onPiece !== undefined) {
          const { stream } = await model.doStream(options);
          return await readSdkStream(stream, context);
        }
        const result = await model.doGenerate(options);
        if (result.finishReason?.unified === "error") {
          throw new UnavailableError({ message: `aiSdk: "${provider}" failed while it answered`, reason: "finish" });
        }
        const content = (result.content as readonly SdkPart[]).flatMap(partFromSdk);
        return replyFromSdk(content, result);
      } catch (error) {
        throw errorFromSdk(error, context.clock);
      }
    },
  };
}
