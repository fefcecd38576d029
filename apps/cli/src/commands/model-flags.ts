/** Flags of the commands that ask a model, and the model that they mean. */
import { type Budget, type ChatModel, type Models, openai, openModels, type Price, scripted } from "@cambium/llm";
import { rulePolicy } from "@cambium/problem-families";
import { type Command, InvalidArgumentError } from "commander";
import { UseError } from "../io.ts";

/** What the flags hold. */
export interface ModelFlags {
  readonly model?: string;
  readonly baseUrl?: string;
  readonly store: string;
  readonly budget?: Budget;
  readonly price?: Price;
  readonly temperature: number;
  readonly maxTokens: number;
  readonly seed: number;
  readonly python?: true;
}

/** An integer from 0. */
export function parseCount(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError("It must be an integer of 0 or more.");
}

function parseNumber(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError("It must be a number of 0 or more.");
}

/** `calls=500,usd=2,tokens=1000000` */
function parseBudget(text: string): Budget {
  const limits = text.split(",").map((part) => {
    const [, name, value] = /^\s*(calls|tokens|usd)\s*=\s*(\d+(?:\.\d+)?)\s*$/.exec(part) ?? [];
    if (name === undefined)
      throw new InvalidArgumentError("It is written as calls=500,usd=2,tokens=1000000; any of them may be left out.");
    return [name, Number(value)];
  });
  return Object.fromEntries(limits);
}

/** `0.15/0.60`: US dollars for a million tokens of input and output. */
function parsePrice(text: string): Price {
  const [, input, output] = /^\s*(\d+(?:\.\d+)?)\s*\/\s*(\d+(?:\.\d+)?)\s*$/.exec(text) ?? [];
  if (output === undefined)
    throw new InvalidArgumentError("It is written as 0.15/0.60: dollars for a million tokens of input and of output.");
  return { input: Number(input), output: Number(output) };
}

/** Adds the flags to a command. */
export function addModelFlags(command: Command): Command {
  return command
    .option(
      "--model <name>",
      'the model to ask, or "rules", which solves the synthetic problems without one (default: $CAMBIUM_MODEL)',
    )
    .option(
      "--base-url <address>",
      "an endpoint that speaks OpenAI's format (default: $OPENAI_BASE_URL, else OpenAI); the key is read from $OPENAI_API_KEY",
    )
    .option("--store <file>", "where every reply is kept, so that none is paid for twice", "runs/calls.db")
    .option("--budget <limits>", "what may be spent on the store, such as calls=500,usd=2", parseBudget)
    .option("--price <input/output>", "dollars for a million tokens, such as 0.15/0.60", parsePrice)
    .option("--temperature <number>", "how much replies vary", parseNumber, 0.3)
    .option("--max-tokens <number>", "longest reply", parseCount, 1024)
    .option("--seed <integer>", "sent to the model; repeats get their own seeds", parseCount, 1);
}

/** A model at work, and what to close in the end. */
export interface OpenedModel {
  readonly models: Models;
  readonly model: ChatModel;
}

/** Opens the model that the flags and the environment mean. */
export async function openModel(verb: string, flags: ModelFlags): Promise<OpenedModel> {
  const { env } = process;
  const name = flags.model ?? env["CAMBIUM_MODEL"];
  if (name === undefined || name === "") {
    throw new UseError(
      `${verb}: name a model by --model or $CAMBIUM_MODEL; --model rules tries everything out on synthetic problems, without a key`,
    );
  }
  const baseURL = flags.baseUrl ?? env["OPENAI_BASE_URL"];
  const apiKey = env["OPENAI_API_KEY"];
  const isRules = name === "rules" && baseURL === undefined;
  if (isRules && flags.python)
    throw new UseError(`${verb}: the rules write JavaScript only; leave out --python, or name a model`);
  if (!isRules && baseURL === undefined && (apiKey ?? "") === "") {
    throw new UseError(`${verb}: set OPENAI_API_KEY, or name another endpoint by --base-url or $OPENAI_BASE_URL`);
  }
  const models = await openModels({
    store: flags.store,
    ...(flags.budget === undefined ? {} : { budget: flags.budget }),
    ...(flags.price === undefined ? {} : { prices: { [name]: flags.price } }),
  });
  const source = isRules
    ? scripted(rulePolicy(), { name: "rules" })
    : openai(name, { ...(baseURL === undefined ? {} : { baseURL }), ...(apiKey === undefined ? {} : { apiKey }) });
  return { models, model: models.model(source) };
}
