import type { ChatModel, Sampling } from "@cambium/llm";
import type { Sandbox, SandboxLimits } from "@cambium/sandbox";
import * as z from "zod";

/** What every method needs: a model to ask, and a place to run what it writes. */
export interface Setup {
  readonly model: ChatModel;
  readonly sandbox: Sandbox;
  /**
   * How replies are drawn; replaces the default as a whole. With a `seed`, repeats of a request get their own seeds.
   *
   * @default temperature 0.3, at most 1024 tokens (Qian et al. 2023, §4.1 and the released code)
   */
  readonly sampling?: Sampling;
  /** Limits of the runs that differ from the sandbox's own. */
  readonly limits?: Partial<SandboxLimits>;
}

/** @see Setup.sampling */
export const DEFAULT_SAMPLING: Sampling = { temperature: 0.3, maxTokens: 1024 };

/** The fields of `Setup`, for the schemas of methods. */
export const setupFields: Readonly<Record<"model" | "sandbox" | "sampling" | "limits", z.ZodType>> = {
  model: z.custom<ChatModel>((value) => typeof (value as ChatModel | undefined)?.outcome === "function", {
    message: "must be a ChatModel, such as models.model(openai(…))",
  }),
  sandbox: z.custom<Sandbox>((value) => typeof (value as Sandbox | undefined)?.run === "function", {
    message: "must be a Sandbox, such as quickjs()",
  }),
  sampling: z.looseObject({}).optional(),
  limits: z.looseObject({}).optional(),
};
