import { folder, result } from "@cambium/base";
import { disposeParameters, type Parameters, random } from "@cambium/core";
import {
  type ChatRow,
  collate,
  generateBatch,
  type LanguageModel,
  loadModel,
  saveModel,
  type TokenBatch,
  type Tokenizer,
} from "@cambium/models";
import { loadWordnet } from "@cambium/tasks/real";
import { batches } from "@cambium/train";
import { dispose, type Tensor } from "@tensorflow/tfjs-core";
import { ownLoss } from "../decoder/grow-decoder.ts";
import type { Growing, Measures } from "../growth/growing.ts";
import type { ChatRecipe } from "../growth/recipes.ts";
import { chatFiles, TURN_END_ID, tokenizerOf } from "../text/byte-vocabulary.ts";
import type { Text } from "../text/text.ts";
import { CHAT_TEMPLATE, conversation, heldQuestions } from "./conversations.ts";
import { type Facts, factsOf, type Question } from "./questions.ts";

const HEAD = { kind: "causal-lm" } as const;
/** How much is made. */
interface ChatSizes {
  readonly conversations: number;
  /** Questions of each kind that are kept to be measured by. */
  readonly heldPerJob: number;
}

const SIZES: ChatSizes = { conversations: 30_000, heldPerJob: 40 };
const BATCH = 32;
const MAX_LENGTH = 256;
/** Lengths that batches are padded to: few, since each is another program. */
const PAD_TO = [64, 96, 128, 192, MAX_LENGTH];
const MOST_ANSWER_TOKENS = 64;

/** Nats of a token of held-out answers. */
async function answerNats(
  model: LanguageModel,
  parameters: Parameters,
  toBatch: (rows: readonly ChatRow[]) => TokenBatch,
  questions: readonly Question[],
): Promise<number> {
  const messages = ({ ask, answer }: Question): ChatRow => ({
    messages: [
      { role: "user", content: ask },
      { role: "assistant", content: answer },
    ],
  });
  let nats = 0;
  let count = 0;
  for (let from = 0; from < questions.length; from += BATCH) {
    const batch = toBatch(questions.slice(from, from + BATCH).map(messages));
    const labels = (batch.labels!.dataSync() as Int32Array).filter((label) => label >= 0).length;
    const loss = model.loss!(batch, { parameters });
    nats += (await loss.data())[0]! * labels;
    count += labels;
    dispose([loss, ...(Object.values(batch) as Tensor[])]);
  }
  return nats / count;
}

/** Share of the answers that are right to the letter, by kind of question. */
async function measureAnswers(
  model: LanguageModel,
  tokenizer: Tokenizer,
  questions: ReadonlyMap<string, readonly Question[]>,
): Promise<Measures> {
  const measured: Record<string, number> = {};
  for (const [job, asked] of questions) {
    const prompts = asked.map(({ ask }) => [{ role: "user", content: ask }]);
    const { generated } = await result(generateBatch(model, tokenizer, prompts, { maxTokens: MOST_ANSWER_TOKENS }));
    const right = asked.filter(({ answer }, i) => generated[i]!.text.trim() === answer);
    measured[job] = right.length / asked.length;
  }
  return measured;
}

/**
 * A decoder that learns to answer in turns.
 *
 * @param from - Folder of the decoder.
 */
export async function growChat(
  recipe: ChatRecipe,
  text: Pick<Text, "files">,
  from: string,
  { conversations, heldPerJob }: ChatSizes = SIZES,
): Promise<Growing<TokenBatch>> {
  const loaded = await loadModel(folder(from), { head: HEAD });
  const model: LanguageModel = {
    ...loaded,
    config: { ...loaded.config, eos_token_id: TURN_END_ID } as LanguageModel["config"],
  };
  const tokenizer = await tokenizerOf(chatFiles(text.files, CHAT_TEMPLATE));
  const facts: readonly Facts[] = factsOf(await loadWordnet());
  const taught = facts.filter(({ isHeld }) => !isHeld);
  const key = random(recipe.seed).at("conversations");
  const rows = Array.from({ length: conversations }, (_, i) => conversation(taught, key.at(i)));
  const held = heldQuestions(facts, heldPerJob);
  const toBatch = collate(model, tokenizer, { maxLength: MAX_LENGTH, padTo: PAD_TO });
  const some = rows.slice(0, 500);
  const meanLength = some.reduce((sum, row) => sum + toBatch.lengthOf(row), 0) / some.length;
  return {
    objective: ownLoss(model, "answers"),
    piecesPerStep: Math.round(BATCH * meanLength),
    data: (_, __, own) => batches(rows, toBatch, { size: BATCH, random: own, buckets: toBatch.lengthOf, last: "drop" }),
    evaluate: async (parameters) => ({
      "nats of an answer's token": await answerNats(model, parameters, toBatch, [...held.values()].flat()),
    }),
    save: (parameters, files) => saveModel({ ...model, parameters }, files, { dtype: "F16", tokenizer }),
    async describe(files) {
      const stored = await loadModel(files, { head: HEAD });
      const answers = await measureAnswers(stored, tokenizer, held);
      disposeParameters(stored.parameters);
      return { answers };
    },
  };
}
