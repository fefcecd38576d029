/** One turn of a conversation: the model is asked, and its calls are made or its answer is read. Planners are made of turns. */

import type { ModelStep } from "@cambium/evaluation";
import type { Message, ToolDeclaration } from "@cambium/llm";
import { act } from "./act.ts";
import { jsonIn } from "./answer.ts";
import { ask } from "./ask.ts";
import { commandsOf } from "./commands.ts";
import { type Conversation, extend, lengthOf, renameCalls } from "./conversation.ts";
import type { AgentEvent } from "./events.ts";
import { messageOf } from "./model-step.ts";
import type { Finish, Run } from "./run.ts";

/** Settings of a turn. */
export interface TurnOptions {
  readonly stage: string;
  /** Messages for this turn only, after the conversation. */
  readonly extra?: readonly Message[];
  /** Offers the command that ends a path without an answer. @default false */
  readonly canGiveUp?: boolean;
}

/** What a turn came to: a longer conversation, or the end of the path. */
export interface Turn {
  readonly conversation: Conversation;
  readonly finish?: Finish;
  /** Set when the model gave the path up. */
  readonly gaveUp?: string;
}

/** Answers that may be refused before a run gives up. */
const REFUSALS = 2;

/** Longest list of recent calls that is searched for loops. */
const RECENT = 50;

/** Whether the budget, or the path itself, leaves room for an answer only. */
function mustFinish({ ledger }: Run, { over }: Conversation): boolean {
  return over !== undefined || ledger.modelCallsLeft <= 1 || ledger.toolCallsLeft <= 0;
}

/** Ids under which the calls of a reply stand in the conversation: its own, unless an earlier call has the same. */
function freshIds(run: Run, step: ModelStep): readonly string[] {
  return (step.toolCalls ?? []).map(({ id }) => {
    let fresh = id;
    for (let i = 2; run.ids.has(fresh); i++) fresh = `${id}-${i}`;
    run.ids.add(fresh);
    return fresh;
  });
}

const user = (content: string): Message => ({ role: "user", content });

/** The message of a reply; calls written as text stand in it as calls only. */
function replyOf(run: Run, step: ModelStep) {
  return messageOf(run.plan.calling === "text" && step.toolCalls !== undefined ? { ...step, reply: "" } : step);
}

/** What a reply without calls comes to. */
export async function readAnswer(run: Run, conversation: Conversation, step: ModelStep): Promise<Turn> {
  const { plan } = run;
  const text = step.reply.trim();
  const refuse = (problem: string, words: string): Turn => {
    const failure = { code: "NO_ANSWER", message: problem } as const;
    if (conversation.refused >= REFUSALS || conversation.over !== undefined || run.ledger.modelCallsLeft === 0) {
      return { conversation, finish: endedBy(conversation, { failure, leaf: step.index }) };
    }
    const said = step.reply === "" ? [] : [replyOf(run, step)];
    const longer = extend(conversation, [...said, user(words)], step.index);
    return { conversation: { ...longer, refused: conversation.refused + 1 } };
  };
  if (step.finish === "length") return refuse("the reply was cut off at maxTokens", plan.words.cutOff);
  if (step.finish === "content-filter") {
    return {
      conversation,
      finish: { failure: { code: "NO_ANSWER", message: "the provider withheld the reply" }, leaf: step.index },
    };
  }
  if (text === "") return refuse("the reply was empty", plan.words.noAnswer);
  if (plan.answer === undefined) return { conversation, finish: { answer: text, value: text, leaf: step.index } };
  const checked = await plan.answer.checkText(text);
  if (checked.ok) return { conversation, finish: { answer: checked.text, value: checked.value, leaf: step.index } };
  return refuse(`the answer does not fit its schema: ${checked.problem}`, `${plan.words.noAnswer} ${checked.problem}`);
}

/** A path that ended without an answer because of the budget or a loop ends for that reason. */
function endedBy({ over }: Conversation, finish: Finish): Finish {
  if (over === undefined) return finish;
  return {
    ...finish,
    failure: { code: over.code, message: `${over.message}; there is no answer: ${finish.failure?.message ?? ""}` },
    ...(over.code === "BUDGET_EXCEEDED" ? { status: "budget_exceeded" } : {}),
  };
}

/** What the path ends for, after these results. */
function overAfter(run: Run, failures: readonly (string | undefined)[]): Conversation["over"] {
  if (failures.includes("LOOP_DETECTED"))
    return { code: "LOOP_DETECTED", message: "the model repeats a call that gives the same result" };
  if (failures.includes("BUDGET_EXCEEDED") || run.ledger.toolCallsLeft <= 0) {
    return { code: "BUDGET_EXCEEDED", message: "the budget of calls is used up" };
  }
  return undefined;
}

/** Asks for an answer, for there will be no more calls. */
async function* lastTurn(
  run: Run,
  conversation: Conversation,
  { stage, extra = [] }: TurnOptions,
): AsyncGenerator<AgentEvent, Turn, undefined> {
  const { plan, ledger } = run;
  const over = conversation.over ?? { code: "BUDGET_EXCEEDED", message: "the budget is used up" };
  const closed: Conversation = { ...conversation, over };
  const tools = declarationsOf(run, false);
  const messages = [...conversation.messages, ...extra, user(finishWords(run))];
  const format = plan.answer === undefined ? {} : { format: { schema: plan.answer.parameters } };
  const step = yield* ask(run, messages, {
    stage: `${stage}-last`,
    tools,
    toolChoice: "none",
    parent: conversation.tip,
    ...format,
  });
  const made = (step.toolCalls ?? []).find(({ name }) => name === "final_answer");
  if (made !== undefined && plan.answer !== undefined) {
    const checked = await plan.answer.check(jsonIn(made.arguments) ?? null);
    if (checked.ok)
      return { conversation: closed, finish: { answer: checked.text, value: checked.value, leaf: step.index } };
  }
  if (step.reply.trim() === "" && ledger.modelCallsLeft === 0 && conversation.over === undefined) {
    const failure = {
      code: "BUDGET_EXCEEDED",
      message: `the budget allows ${plan.budget.modelCalls ?? 100} modelCalls, and they are used up without an answer`,
    } as const;
    return { conversation: closed, finish: { status: "budget_exceeded", failure, leaf: step.index } };
  }
  return readAnswer(run, closed, step);
}

const finishWords = ({ plan }: Run): string =>
  plan.answer === undefined
    ? plan.words.finish
    : `${plan.words.finish} Reply with JSON of this schema and nothing else: ${JSON.stringify(plan.answer.parameters)}`;

/** Commands, then tools, as the model sees them. */
function declarationsOf(run: Run, canGiveUp: boolean): readonly ToolDeclaration[] {
  return [...commandsOf(run.plan, canGiveUp), ...run.active.declarations()];
}

/**
 * Asks the model once and does what it says.
 *
 * @throws {Stop} When the run has to end.
 */
export async function* takeTurn(
  run: Run,
  given: Conversation,
  options: TurnOptions,
): AsyncGenerator<AgentEvent, Turn, undefined> {
  const conversation = yield* compact(run, given);
  if (mustFinish(run, conversation)) return yield* lastTurn(run, conversation, options);
  const { stage, extra = [], canGiveUp = false } = options;
  const tools = declarationsOf(run, canGiveUp);
  const step = yield* ask(run, [...conversation.messages, ...extra], { stage, tools, parent: conversation.tip });
  const calls = step.toolCalls ?? [];
  if (calls.length === 0) return readAnswer(run, conversation, step);
  const ids = freshIds(run, step);
  const acted = yield* act(run, conversation, calls, ids, step.index);
  const tip = acted.steps.at(-1)?.index ?? step.index;
  const longer: Conversation = {
    ...extend(conversation, [renameCalls(replyOf(run, step), ids), { role: "tool", content: acted.parts }], tip),
    recent: [...conversation.recent, ...acted.recent].slice(-RECENT),
  };
  if (acted.end?.type === "answer") {
    return { conversation: longer, finish: { answer: acted.end.text, value: acted.end.value, leaf: tip } };
  }
  if (acted.end?.type === "gave-up") return { conversation: longer, gaveUp: acted.end.reason };
  const over = overAfter(
    run,
    acted.steps.map(({ failure }) => failure?.code),
  );
  return { conversation: over === undefined ? longer : { ...longer, over } };
}

/** Results longer than this are left out of histories that are too long. Characters. */
const ELIDED_FROM = 200;

function elide(run: Run, message: Message): Message {
  if (message.role !== "tool") return message;
  return {
    ...message,
    content: message.content.map((part) => {
      const { output } = part;
      const length = typeof output === "string" ? output.length : Number.POSITIVE_INFINITY;
      if (length <= ELIDED_FROM) return part;
      const index = run.stepOfCall.get(part.id);
      const head = typeof output === "string" ? `${output.slice(0, ELIDED_FROM / 2)}…\n` : "";
      const { provider: _, ...rest } = part;
      return { ...rest, output: `${head}[left out; read_result({"result":${index}}) shows it]` };
    }),
  };
}

/** Where a history may be cut: before a reply, so that results stay with their calls. */
function cutBefore(messages: readonly Message[], keep: number): number {
  let at = Math.max(0, messages.length - keep);
  while (at > 0 && messages[at]?.role === "tool") at -= 1;
  return at;
}

function transcript(messages: readonly Message[]): string {
  return messages
    .map(
      (message) =>
        `${message.role}: ${typeof message.content === "string" ? message.content : JSON.stringify(message.content)}`,
    )
    .join("\n");
}

/** Shortens a history that is too long: first long results are left out, which the model can read again; then the model sums up what remains. */
async function* compact(run: Run, conversation: Conversation): AsyncGenerator<AgentEvent, Conversation, undefined> {
  const { plan } = run;
  const { characters, keep } = plan.compaction;
  const before = lengthOf(conversation.messages);
  if (before <= characters) return conversation;
  const at = Math.max(conversation.head, cutBefore(conversation.messages, keep));
  const head = conversation.messages.slice(0, conversation.head);
  const tail = conversation.messages.slice(at);
  const middle = conversation.messages.slice(conversation.head, at).map((message) => elide(run, message));
  let messages = [...head, ...middle, ...tail];
  if (lengthOf(messages) > characters * 0.8 && middle.length > 0) {
    const text = transcript(middle);
    const shown = text.length > characters ? `${text.slice(0, characters)}…` : text;
    const asked = yield* ask(run, [...head, user(`${plan.words.compaction}\n\n${shown}`)], {
      stage: "compaction",
      parent: conversation.tip,
    });
    const summary = asked.reply.trim();
    // Without a summary the work goes on with what there is: what was left out can be read again.
    if (summary !== "") messages = [...head, user(`What was done so far:\n${summary}`), ...tail];
  }
  yield { type: "compaction", before, after: lengthOf(messages) };
  return { ...conversation, messages };
}
