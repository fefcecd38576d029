/** A conversation at a terminal. */
import { createInterface, type Interface } from "node:readline";
import type { ChatMessage } from "@cambium/models";
import type { Io } from "../io.ts";

/** Who answers, and what is set. */
export interface Talk {
  readonly system: string | undefined;
  /** Answers and shows it; gives the answer, which ends where the signal is aborted. */
  answer(messages: readonly ChatMessage[], signal: AbortSignal): Promise<string>;
  /** Writes a file. */
  save(path: string, text: string): void;
}

const PROMPT = "> ";
const HELP =
  "/reset starts a new conversation, /system <text> sets the system message, /save <file> writes the messages, /quit leaves";

/** The lines that are typed, and nothing once the input ends. */
function lineReader(lines: Interface): () => Promise<string | undefined> {
  const typed: string[] = [];
  let isClosed = false;
  let wake = (): void => {};
  lines.on("line", (line) => {
    typed.push(line);
    wake();
  });
  lines.on("close", () => {
    isClosed = true;
    wake();
  });
  return async () => {
    while (typed.length === 0 && !isClosed) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return typed.shift();
  };
}

/** Talks until the reader leaves. */
export async function talk(io: Io, { system, answer, save }: Talk): Promise<void> {
  const lines = createInterface({
    input: io.input as NodeJS.ReadableStream,
    ...(io.isTerminal && { output: process.stdout }),
    terminal: io.isTerminal,
    prompt: PROMPT,
  });
  const next = lineReader(lines);
  const begin = (text: string | undefined): ChatMessage[] =>
    text === undefined || text === "" ? [] : [{ role: "system", content: text }];
  let rules = system;
  let messages = begin(rules);
  let stop: AbortController | undefined;
  let isWarned = false;

  /** Ctrl-C: stops an answer; without one, the second leaves. */
  function interrupt(): void {
    if (stop !== undefined && !stop.signal.aborted) {
      stop.abort();
      return;
    }
    if (isWarned) {
      lines.close();
      return;
    }
    isWarned = true;
    io.error("Ctrl-C again, or /quit, leaves");
    lines.prompt();
  }
  const leave = (): void => {
    stop?.abort();
    lines.close();
  };
  lines.on("SIGINT", interrupt);
  io.signal.addEventListener("abort", leave, { once: true });

  /** Does what a line beginning with / says; whether it was one. */
  function command(line: string): boolean {
    const [, name, rest = ""] = /^\/(\w+)\s*(.*)$/s.exec(line.trim()) ?? [];
    if (name === undefined) return false;
    if (name === "quit" || name === "exit") lines.close();
    else if (name === "reset") {
      messages = begin(rules);
      io.error("new conversation");
    } else if (name === "system") {
      rules = rest;
      messages = begin(rules);
      io.error(
        rest === "" ? "new conversation, without a system message" : "new conversation, with this system message",
      );
    } else if (name === "save" && rest !== "") {
      try {
        save(rest, `${JSON.stringify({ messages }, null, 2)}\n`);
        io.error(`${messages.length} messages in ${rest}`);
      } catch (error) {
        io.error(`/save: ${(error as Error).message}`);
      }
    } else io.error(HELP);
    return true;
  }

  try {
    io.error(HELP);
    for (;;) {
      lines.prompt();
      const line = await next();
      if (line === undefined || io.signal.aborted) return;
      isWarned = false;
      if (line.trim() === "" || command(line)) continue;
      const asked: ChatMessage[] = [...messages, { role: "user", content: line }];
      stop = new AbortController();
      try {
        messages = [...asked, { role: "assistant", content: await answer(asked, stop.signal) }];
      } catch (error) {
        io.error(`chat: ${(error as Error).message}`); // such as a conversation that is too long: /reset helps
      }
      stop = undefined;
    }
  } finally {
    io.signal.removeEventListener("abort", leave);
    lines.close();
  }
}
