import { makeCard, type ToolCard } from "../card.ts";
import { givesNumber, names } from "../checks.ts";
import type { FullSetup } from "../setup.ts";
import { sampleFiles } from "./sample.ts";
import type { FilesState } from "./store.ts";

/** Instructions for `files` with the sample of the same seed. */
export function filesCard(setup: FullSetup, each: number): ToolCard {
  const start = sampleFiles(setup.seed);
  const log = start["logs/server.log"]!.trim().split("\n");
  const meeting = start["notes/meeting.md"]!;
  const filesOf = (state: unknown): Readonly<Record<string, string>> => (state as NonNullable<FilesState>).files;
  /** Whether the folder is as at the start but for these changes; `null` stands for a file that is gone. */
  const changed = (state: unknown, changes: Readonly<Record<string, string | null>>): boolean => {
    const wanted = Object.entries({ ...start, ...changes }).filter(([, text]) => text !== null);
    const now = filesOf(state);
    return (
      Object.keys(now).length === wanted.length &&
      wanted.every(([name, text]) => now[name]?.trimEnd() === text!.trimEnd())
    );
  };
  return makeCard("files", setup, each, {
    count(random) {
      const [level, what] = [random.pick(["WARN", "ERROR"]), random.pick(["backup", "import", "sync", "mail"])];
      const instruction = `How many lines of logs/server.log hold "${level} ${what}"?`;
      return {
        instruction,
        expert: async (call) =>
          `There are ${(await call<{ count: number }>("files_search", { name: "logs/server.log", text: `${level} ${what}` })).count}.`,
        succeeds: ({ answer, state }) =>
          givesNumber(answer, log.filter((line) => line.includes(`${level} ${what}`)).length, { instruction }) &&
          changed(state, {}),
      };
    },
    fact(random) {
      const [question, pattern] = random.pick([
        ["How many euros is the budget in notes/meeting.md?", /budget is (\d+) euros/],
        ["On which date is the opening, by notes/meeting.md? Answer as year-month-day.", /opening is on ([\d-]+)\./],
        ["Which port do the settings in settings.json name?", /"port": (\d+)/],
      ] as const);
      const name = question.includes("settings") ? "settings.json" : "notes/meeting.md";
      return {
        instruction: question,
        async expert(call) {
          const { text } = await call<{ text: string }>("files_read", { name });
          return `${pattern.exec(text)![1]}.`;
        },
        succeeds: ({ answer, state }) =>
          names(answer, [pattern.exec(name === "settings.json" ? start[name]! : meeting)![1]!]) && changed(state, {}),
      };
    },
    append(random) {
      const item = random.pick(["honey", "matches", "oat flakes", "light bulbs", "olives"]);
      return {
        instruction: `Add "${item}" as a last line to shopping.txt.`,
        async expert(call) {
          await call("files_append", { name: "shopping.txt", text: item });
          return "It is on the list.";
        },
        succeeds: ({ state }) => changed(state, { "shopping.txt": `${start["shopping.txt"]}${item}\n` }),
      };
    },
    create(random) {
      const [name, text] = random.pick([
        ["notes/todo.txt", "Call the plumber."],
        ["letters/landlord.txt", "The heating is broken."],
        ["notes/packing.txt", "Passport, tent, torch."],
      ] as const);
      return {
        instruction: `Write a file ${name} with this text: ${text}`,
        async expert(call) {
          await call("files_create", { name, text });
          return "The file is written.";
        },
        succeeds: ({ state }) => changed(state, { [name]: text }),
      };
    },
    edit(random) {
      const port = random.integer(10_000, 60_000);
      const old = /"port": \d+/.exec(start["settings.json"]!)![0];
      return {
        instruction: `Change the port in settings.json to ${port}, and nothing else.`,
        async expert(call) {
          const { text } = await call<{ text: string }>("files_read", { name: "settings.json" });
          await call("files_edit", {
            name: "settings.json",
            old: /"port": \d+/.exec(text)![0],
            new: `"port": ${port}`,
          });
          return `The port is ${port}.`;
        },
        succeeds: ({ state }) =>
          changed(state, { "settings.json": start["settings.json"]!.replace(old, `"port": ${port}`) }),
      };
    },
    tidy(random) {
      const name = random.pick(["notes/ideas.md", "shopping.txt", "logs/server.log"]);
      const to = `archive/${name.split("/").at(-1)}`;
      return {
        instruction: `Move ${name} to ${to}.`,
        async expert(call) {
          await call("files_move", { from: name, to });
          return "It is moved.";
        },
        succeeds: ({ state }) => changed(state, { [name]: null, [to]: start[name]! }),
      };
    },
  });
}
