import { checkOptions } from "@cambium/base";
import type { AnyTool } from "@cambium/tool-learning";
import * as z from "zod";
import { refuse } from "../refuse.ts";
import { type FullSetup, fullSetup, type Setup } from "../setup.ts";
import { type Define, makeToolkit, type Toolkit } from "../toolkit.ts";
import { type MailState, type Message, sampleMail } from "./sample.ts";

/** Options of `mail`. */
export interface MailOptions extends Setup {
  /** The mail box at the start. @default made up from the seed */
  readonly start?: MailState;
}

const MOST_MESSAGES = 1000;
const MOST_SHOWN = 30;
const FOLDERS = ["inbox", "sent", "archive", "trash"] as const;

const address = z
  .string()
  .max(200)
  .regex(/^[^\s@<>,;"]+@[^\s@<>,;"]+\.[^\s@<>,;"]+$/, "must be one mail address such as mara.lindqvist@example.com");
const stateSchema = z.strictObject({
  owner: z.string(),
  contacts: z.array(z.strictObject({ name: z.string(), address: z.string() })),
  messages: z
    .array(
      z.strictObject({
        id: z.string(),
        folder: z.enum(FOLDERS),
        from: z.string(),
        to: z.array(z.string()),
        subject: z.string(),
        body: z.string(),
        date: z.string(),
        isRead: z.boolean(),
        labels: z.array(z.string()),
      }),
    )
    .max(MOST_MESSAGES),
  next: z.int(),
});

const id = z.string().min(1).max(20).describe("The id of a message.");

const summary = ({ id, folder, from, to, subject, date, isRead, labels }: Message): object => ({
  id,
  folder,
  from,
  to,
  subject,
  date,
  isRead,
  labels,
});

function find(state: MailState, id: string): Message {
  return (
    state.messages.find((message) => message.id === id) ??
    refuse(`no message "${id}"; list or search the messages first`)
  );
}

/** The newest first. */
function page(found: readonly Message[]): object {
  const sorted = [...found].sort((a, b) => (a.date < b.date ? 1 : a.date > b.date ? -1 : a.id < b.id ? 1 : -1));
  return { count: sorted.length, messages: sorted.slice(0, MOST_SHOWN).map(summary) };
}

function readingTools(define: Define<MailState>): AnyTool[] {
  return [
    define({
      verb: "list",
      description: `Lists the messages of a folder, the newest first, at most ${MOST_SHOWN}: sender, subject, date, and whether they are read. Does not show the texts.`,
      input: z.strictObject({
        folder: z.enum(FOLDERS).optional().describe('@default "inbox"'),
        unreadOnly: z.boolean().optional(),
      }),
      effects: "reads",
      run: ({ folder = "inbox", unreadOnly = false }, { messages }) =>
        page(messages.filter((message) => message.folder === folder && !(unreadOnly && message.isRead))),
    }),
    define({
      verb: "search",
      description:
        "Finds messages in all folders but the trash whose sender, receiver, subject or text holds every word of the query.",
      input: z.strictObject({ query: z.string().trim().min(1).max(200) }),
      effects: "reads",
      run({ query }, { messages, contacts }) {
        const words = query.toLowerCase().split(/\s+/);
        const nameOf = (address: string): string => contacts.find((contact) => contact.address === address)?.name ?? "";
        const textOf = ({ from, to, subject, body }: Message): string =>
          [from, nameOf(from), ...to, ...to.map(nameOf), subject, body].join(" ").toLowerCase();
        return page(
          messages.filter(
            (message) => message.folder !== "trash" && words.every((word) => textOf(message).includes(word)),
          ),
        );
      },
    }),
    define({
      verb: "read",
      description: "Reads a message with its text, and marks it as read.",
      input: z.strictObject({ id }),
      effects: "writes",
      idempotent: true,
      run({ id }, state) {
        const message = find(state, id);
        message.isRead = true;
        return { ...summary(message), body: message.body };
      },
    }),
    define({
      verb: "contacts",
      description: "Lists the people that are known, with their mail addresses, all or those whose name holds a word.",
      input: z.strictObject({ name: z.string().max(60).optional() }),
      effects: "reads",
      run: ({ name = "" }, { contacts }) =>
        contacts.filter((contact) => contact.name.toLowerCase().includes(name.toLowerCase())),
    }),
  ];
}

function writingTools(define: Define<MailState>, { clock }: FullSetup): AnyTool[] {
  function post(state: MailState, to: string[], subject: string, body: string): object {
    if (state.messages.length >= MOST_MESSAGES) refuse(`the mail box is full: ${MOST_MESSAGES} messages`);
    const message: Message = {
      id: `m${state.next++}`,
      folder: "sent",
      from: state.owner,
      to,
      subject,
      body,
      date: `${clock.slice(0, 16)}Z`,
      isRead: true,
      labels: [],
    };
    state.messages.push(message);
    return { sent: message.id, to, subject };
  }
  const body = z.string().min(1).max(10_000);
  return [
    define({
      verb: "send",
      description: "Sends a message. Addresses of people are among the contacts.",
      input: z.strictObject({ to: z.array(address).min(1).max(20), subject: z.string().trim().min(1).max(200), body }),
      effects: "writes",
      run: ({ to, subject, body }, state) => post(state, to, subject, body),
    }),
    define({
      verb: "reply",
      description: "Answers a message: sends a text to its sender, under its subject.",
      input: z.strictObject({ id, body }),
      effects: "writes",
      run({ id, body }, state) {
        const { from, subject } = find(state, id);
        return post(state, [from], /^re: /i.test(subject) ? subject : `Re: ${subject}`, body);
      },
    }),
    define({
      verb: "move",
      description: 'Moves a message to another folder, such as "archive" or "trash".',
      input: z.strictObject({ id, folder: z.enum(["inbox", "archive", "trash"]) }),
      effects: "writes",
      idempotent: true,
      run({ id, folder }, state) {
        const message = find(state, id);
        message.folder = folder;
        return summary(message);
      },
    }),
    define({
      verb: "label",
      description: "Puts a label on a message, or takes it off.",
      input: z.strictObject({
        id,
        label: z.string().trim().min(1).max(40),
        remove: z.boolean().optional().describe("Take it off. @default false"),
      }),
      effects: "writes",
      idempotent: true,
      run({ id, label, remove = false }, state) {
        const message = find(state, id);
        const rest = message.labels.filter((other) => other !== label);
        if (!remove && rest.length >= 20) refuse("a message has at most 20 labels");
        message.labels = remove ? rest : [...rest, label];
        return summary(message);
      },
    }),
    define({
      verb: "delete",
      description: "Deletes a message of the trash for good. Move it to the trash first.",
      input: z.strictObject({ id }),
      effects: "destroys",
      run({ id }, state) {
        const message = find(state, id);
        if (message.folder !== "trash")
          refuse(`"${id}" is in ${message.folder}; only messages of the trash are deleted`);
        state.messages = state.messages.filter((other) => other !== message);
        return { deleted: id };
      },
    }),
  ];
}

/** A simulated mail box. Nothing leaves this machine. */
export function mail(options: MailOptions = {}): Toolkit<MailState> {
  checkOptions("mail", options, ["seed", "clock", "start"]);
  const { start, ...given } = options;
  const setup = fullSetup("mail", given);
  return makeToolkit<MailState>({
    id: "mail",
    about: "Reads, finds, sends and sorts mail in the owner's mail box.",
    state: structuredClone(start) ?? sampleMail(setup),
    schema: stateSchema,
    tools: (define) => [...readingTools(define), ...writingTools(define, setup)],
  });
}
