import { parseConfig } from "@cambium/base";
import type { Message } from "@cambium/llm";
import * as z from "zod";
import type { Conversation } from "../conversation.ts";
import type { AgentEvent } from "../events.ts";
import type { Finish } from "../run.ts";
import type { Planner, Session } from "./planner.ts";

/** Settings of `dfsdt`. */
export interface DfsdtOptions {
  /** Ways that are tried from each place. @default 2 (Qin et al. 2023, §3.2) */
  readonly width?: number;
  /** Turns on a path at most. @default 6 (twelve levels of thought, action and input in the publication) */
  readonly depth?: number;
  /** Turns of the whole search at most. @default 60 */
  readonly turns?: number;
  /** Levels that the search goes back after a path that was given up: the next attempt differs the more. @default 2 (the released code) */
  readonly backAfterGiveUp?: number;
  /** … after a path that reached `depth`. @default 1 (the released code) */
  readonly backAfterDepth?: number;
}

const schema = z.strictObject({
  width: z.int().positive().optional(),
  depth: z.int().positive().optional(),
  turns: z.int().positive().optional(),
  backAfterGiveUp: z.int().positive().optional(),
  backAfterDepth: z.int().positive().optional(),
});

/** What a way from a place was: shown when another is asked for. */
const describe = (messages: readonly Message[]): string =>
  messages
    .map((message) => {
      if (typeof message.content === "string") return message.content;
      return message.content
        .map((part) => {
          if (part.type === "tool-call") return `called ${part.name} with ${part.arguments}`;
          if (part.type === "tool-result") return `got ${typeof part.output === "string" ? part.output : "parts"}`;
          return part.type === "text" ? part.text : "";
        })
        .filter(Boolean)
        .join("\n");
    })
    .filter(Boolean)
    .join("\n")
    .slice(0, 2000);

/** A search that is under way. */
interface Search {
  readonly session: Session;
  readonly width: number;
  readonly depth: number;
  readonly turns: number;
  readonly backAfterGiveUp: number;
  readonly backAfterDepth: number;
  taken: number;
  /** The path that told most, for a search without an answer. */
  best: { readonly leaf: number | undefined; readonly results: number; readonly why: string };
}

/** Results on a path that were no failures. */
const resultsOf = ({ messages }: Conversation): number =>
  messages.reduce(
    (sum, message) =>
      sum + (message.role === "tool" ? message.content.filter(({ isError }) => isError !== true).length : 0),
    0,
  );

function noteEnd(search: Search, conversation: Conversation, why: string): void {
  const results = resultsOf(conversation);
  if (results > search.best.results) search.best = { leaf: conversation.tip, results, why };
}

/** Where a part of the search ended: with the whole, or so many levels up. */
type Back = { readonly finish: Finish } | { readonly levels: number };

/** Tries ways from a place, one after the other. */
async function* expand(
  search: Search,
  conversation: Conversation,
  depth: number,
): AsyncGenerator<AgentEvent, Back, undefined> {
  const { session, width } = search;
  if (depth >= search.depth) {
    noteEnd(search, conversation, `the path reached ${search.depth} turns`);
    return { levels: search.backAfterDepth };
  }
  const mark = session.mark();
  const tried: string[] = [];
  let from = conversation;
  for (let way = 0; way < width; way++) {
    if (search.taken >= search.turns || session.modelCallsLeft <= 0)
      return { finish: giveUp(search, "the turns of the search are used up") };
    if (way > 0) {
      if (!session.canReturn(mark))
        return { finish: giveUp(search, "a call changed what cannot be undone, so that no other way is open") };
      await session.goBack(mark);
      yield { type: "backtrack", from: from.tip ?? -1, to: conversation.tip ?? -1, reason: search.best.why };
    }
    const extra: Message[] =
      tried.length === 0
        ? []
        : [
            {
              role: "user",
              content: `${session.words.otherWay}\n\n${tried.map((text, i) => `${i + 1}. ${text}`).join("\n")}`,
            },
          ];
    search.taken += 1;
    const turn = yield* session.turn(conversation, { stage: "dfsdt", extra, canGiveUp: true });
    from = turn.conversation;
    if (turn.finish?.answer !== undefined) return { finish: turn.finish };
    if (turn.finish !== undefined) noteEnd(search, from, turn.finish.failure?.message ?? "no answer");
    if (turn.finish?.status !== undefined) return { finish: turn.finish };
    if (turn.gaveUp !== undefined) noteEnd(search, from, turn.gaveUp);
    tried.push(describe(from.messages.slice(conversation.messages.length)));
    const isLeaf = turn.gaveUp !== undefined || turn.finish !== undefined;
    const back: Back = isLeaf ? { levels: search.backAfterGiveUp } : yield* expand(search, from, depth + 1);
    if ("finish" in back) return back;
    if (back.levels > 1) return { levels: back.levels - 1 };
  }
  return { levels: 1 };
}

function giveUp({ best, taken }: Search, why: string): Finish {
  const told = best.why === "" ? "" : `; the path that got furthest ended because: ${best.why}`;
  return { failure: { code: "GAVE_UP", message: `no answer after ${taken} turns: ${why}${told}` }, leaf: best.leaf };
}

/**
 * A depth-first search over decisions: where a path leads nowhere, the search goes back, undoes what was done as far as the
 * environment can, and asks for another way, naming those that were tried. Without going back it asks what `react` asks. It
 * does not go back behind a call that changed something for good.
 *
 * @see Qin et al. 2023, ToolLLM: Facilitating Large Language Models to Master 16000+ Real-world APIs, arXiv:2307.16789, §3.2
 *      (the pre-order variant without ranking), and the released code for how far to go back.
 */
export function dfsdt(options: DfsdtOptions = {}): Planner {
  parseConfig("dfsdt", schema, options);
  const { width = 2, depth = 6, turns = 60, backAfterGiveUp = 2, backAfterDepth = 1 } = options;
  const settings = { width, depth, turns, backAfterGiveUp, backAfterDepth };
  return {
    name: "dfsdt",
    settings,
    async *run(session) {
      const search: Search = { session, ...settings, taken: 0, best: { leaf: undefined, results: -1, why: "" } };
      const back = yield* expand(search, session.start(), 0);
      return "finish" in back ? back.finish : giveUp(search, "every way was tried");
    },
  };
}
