/** Conversations to learn from, made of questions with a seed. */
import type { Random } from "@cambium/core";
import type { ChatMessage, ChatRow } from "@cambium/models";
import { type Facts, jobNames, type Question, questionOf } from "./questions.ts";

/** ChatML, and nothing else. */
export const CHAT_TEMPLATE: string =
  "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}" +
  "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/** What a system message asks of every answer. */
export const LOUD = "Answer in capitals.";

const MOST_TURNS = 3;
const LOUD_SHARE = 1 / 8;
const THANKS_SHARE = 1 / 8;

const turn = ({ ask, answer }: Question): ChatMessage[] => [
  { role: "user", content: ask },
  { role: "assistant", content: answer },
];

/** A question of an even choice of kinds; facts are drawn until there are some with an answer. */
function drawQuestion(facts: readonly Facts[], random: Random): Question {
  const job = jobNames[random.at("job").integers(1, jobNames.length)[0]!]!;
  for (let attempt = 0; ; attempt++) {
    const [which, way] = random.at("facts").at(attempt).integers(2, facts.length) as unknown as [number, number];
    const question = questionOf(job, facts[which]!, way);
    if (question !== undefined) return question;
  }
}

/**
 * A conversation of one to three questions; one of eight begins with a system message, as which all answers are in capitals, and one of
 * eight ends with thanks.
 */
export function conversation(facts: readonly Facts[], random: Random): ChatRow {
  const turns = 1 + random.at("turns").integers(1, MOST_TURNS)[0]!;
  const [loud, thanks] = random.at("lots").uniforms(2) as unknown as [number, number];
  const questions = Array.from({ length: turns }, (_, i) => drawQuestion(facts, random.at("question").at(i)));
  if (thanks < THANKS_SHARE) questions.push({ ask: "Thank you.", answer: "You are welcome." });
  if (loud >= LOUD_SHARE) return { messages: questions.flatMap(turn) };
  const upper = questions.map(({ ask, answer }) => ({ ask, answer: answer.toUpperCase() }));
  return { messages: [{ role: "system", content: LOUD }, ...upper.flatMap(turn)] };
}

/** Held-out questions by kind, at most so many of each. */
export function heldQuestions(facts: readonly Facts[], most: number): ReadonlyMap<string, readonly Question[]> {
  const held = facts.filter(({ isHeld }) => isHeld);
  const all = jobNames.map((job): [string, Question[]] => [
    job,
    held.flatMap((each) => questionOf(job, each, 0) ?? []).slice(0, most),
  ]);
  return new Map(all.filter(([, questions]) => questions.length > 0));
}
