import type { Json } from "@cambium/base";
import type { AnyTool } from "../tools/tool.ts";

/** A call that is about to be made. */
export interface GatedCall {
  readonly tool: AnyTool;
  /** The arguments, which fit the tool's schema. */
  readonly input: Json;
}

/** What a policy says of a call. */
export type Verdict =
  /** It is made. */
  | "allow"
  /** A person decides. */
  | "ask"
  /** It is not made; the model is told why. */
  | { readonly deny: string };

/** Rules that every call passes, whoever makes it: the model itself, or a program that it wrote. */
export type Policy = (call: GatedCall) => Verdict | Promise<Verdict>;

/** What a person decided; the reason is told to the model. */
export type Decision = boolean | { readonly approved: boolean; readonly reason?: string };

/** Asks a person whether a call may be made. `signal` is aborted when the run is stopped. */
export type Approve = (call: GatedCall, context: { readonly signal: AbortSignal }) => Decision | Promise<Decision>;

/** Asks the user something. */
export type Ask = (question: string, context: { readonly signal: AbortSignal }) => string | Promise<string>;

/** The policy of a run that has none: what destroys asks first. */
export const defaultPolicy: Policy = ({ tool }) => (tool.effects === "destroys" ? "ask" : "allow");
