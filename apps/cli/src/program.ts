import { Command, CommanderError } from "commander";
import { EXIT, type Io } from "./io.ts";

/** The verbs; each file in `commands` exports one function that makes its command. Only what is asked for is loaded. */
const COMMANDS: Readonly<Record<string, () => Promise<(io: Io) => Command>>> = {
  align: async () => (await import("./commands/align.ts")).align,
  chat: async () => (await import("./commands/chat.ts")).chat,
  compare: async () => (await import("./commands/compare.ts")).compare,
  embed: async () => (await import("./commands/embed.ts")).embed,
  export: async () => (await import("./commands/export.ts")).exportCommand,
  finetune: async () => (await import("./commands/finetune.ts")).finetune,
  fpt: async () => (await import("./commands/fpt.ts")).fpt,
  generate: async () => (await import("./commands/generate.ts")).generate,
  inspect: async () => (await import("./commands/inspect.ts")).inspect,
  landscape: async () => (await import("./commands/landscape.ts")).landscape,
  merge: async () => (await import("./commands/merge.ts")).merge,
  paths: async () => (await import("./commands/paths.ts")).paths,
  predict: async () => (await import("./commands/predict.ts")).predict,
  probe: async () => (await import("./commands/probe.ts")).probe,
  recycle: async () => (await import("./commands/recycle.ts")).recycle,
  report: async () => (await import("./commands/report.ts")).reportCommand,
  serve: async () => (await import("./commands/serve.ts")).serve,
  soup: async () => (await import("./commands/soup.ts")).soup,
  study: async () => (await import("./commands/study.ts")).study,
  subspace: async () => (await import("./commands/subspace.ts")).subspace,
  tools: async () => (await import("./commands/tools.ts")).tools,
};

/**
 * The command, with its output going to `io` and its errors thrown: with one verb where that is a verb, else with all,
 * for help and for a verb that was meant.
 */
export async function createProgram(io: Io, verb?: string): Promise<Command> {
  const trimmed =
    (write: (line: string) => void) =>
    (text: string): void =>
      write(text.trimEnd());
  const settings = (command: Command): Command => {
    command.commands.forEach((inner) => void settings(inner as Command));
    return command
      .exitOverride()
      .configureOutput({ writeOut: trimmed(io.out), writeErr: trimmed(io.error) })
      .showHelpAfterError("(--help shows how it is used)");
  };
  const program = settings(new Command("cambium"))
    .description("Small trainable parts grafted onto frozen language models.")
    .helpCommand(false);
  const verbs = verb !== undefined && Object.hasOwn(COMMANDS, verb) ? [verb] : Object.keys(COMMANDS);
  const makers = await Promise.all(verbs.map((name) => COMMANDS[name]!()));
  for (const create of makers) program.addCommand(settings(create(io)));
  return program;
}

/** Runs the command; returns its exit code. Errors are written to `io`, never thrown. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  try {
    const program = await createProgram(io, args[0]);
    if (args.length === 0) {
      io.error(program.helpInformation().trimEnd());
      return EXIT.wrongUse;
    }
    await program.parseAsync([...args], { from: "user" });
    return io.signal.aborted ? EXIT.stopped : EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.wrongUse; // written already
    if (io.signal.aborted) return EXIT.stopped;
    const { message, code } = error as Error & { code?: string };
    io.error(`cambium: ${message}`);
    return code === "use" || code === "CONFIG" ? EXIT.wrongUse : EXIT.failed;
  }
}
