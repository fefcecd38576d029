import { Command, CommanderError } from "commander";
import { align } from "./commands/align.ts";
import { chat } from "./commands/chat.ts";
import { compare } from "./commands/compare.ts";
import { embed } from "./commands/embed.ts";
import { exportCommand } from "./commands/export.ts";
import { finetune } from "./commands/finetune.ts";
import { fpt } from "./commands/fpt.ts";
import { generate } from "./commands/generate.ts";
import { inspect } from "./commands/inspect.ts";
import { landscape } from "./commands/landscape.ts";
import { merge } from "./commands/merge.ts";
import { paths } from "./commands/paths.ts";
import { predict } from "./commands/predict.ts";
import { probe } from "./commands/probe.ts";
import { recycle } from "./commands/recycle.ts";
import { serve } from "./commands/serve.ts";
import { soup } from "./commands/soup.ts";
import { study } from "./commands/study.ts";
import { subspace } from "./commands/subspace.ts";
import { tools } from "./commands/tools.ts";
import { EXIT, type Io } from "./io.ts";

/** The verbs; each file in `commands` exports one function that makes its command. */
const COMMANDS: readonly ((io: Io) => Command)[] = [
  align,
  chat,
  compare,
  embed,
  exportCommand,
  finetune,
  fpt,
  generate,
  inspect,
  landscape,
  merge,
  paths,
  predict,
  probe,
  recycle,
  serve,
  soup,
  study,
  subspace,
  tools,
];

/** The whole command, with its output going to `io` and its errors thrown. */
function createProgram(io: Io): Command {
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
  for (const create of COMMANDS) program.addCommand(settings(create(io)));
  return program;
}

/** Runs the command; returns its exit code. Errors are written to `io`, never thrown. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  try {
    const program = createProgram(io);
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
