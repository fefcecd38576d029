/**
 * Small real tasks from npm packages, with parts that do not leak into each other or come from the saplings' pretraining text; and
 * what they are made of. For Node: the rows are read from installed packages.
 *
 * @module
 */
export { isHeld, shareOf } from "./held.ts";
export { type LoadedTask, loadTask, realTasks } from "./load-task.ts";
export { loadMail, type Mail } from "./mail/load.ts";
export { type MailSplit, mailSplit } from "./mail/split.ts";
export { loadMobyDick, loadSpeeches, type ProseDocument, type Speech } from "./prose.ts";
export type { RealRow, TaskInfo, TaskParts, TaskType } from "./real-task.ts";
export { loadWordnet, type PartOfSpeech, type Pointer, type Synset } from "./wordnet.ts";
