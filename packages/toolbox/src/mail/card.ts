import { makeCard, type TaskParts, type ToolCard } from "../card.ts";
import { givesNumber, mentions, names } from "../checks.ts";
import type { Random } from "../random.ts";
import type { FullSetup } from "../setup.ts";
import { type MailState, type Message, sampleMail, TOPICS } from "./sample.ts";

interface Page {
  readonly count: number;
  readonly messages: readonly Message[];
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Whether nothing but what is allowed has changed: read marks never count. */
function kept(start: MailState, state: MailState, but: (message: Message) => boolean): boolean {
  const plain = (message: Message): object => ({ ...message, isRead: true });
  return start.messages.every(
    (message) => but(message) || same(plain(message), plain(state.messages.find(({ id }) => id === message.id)!)),
  );
}

/** Instructions for `mail` of the same setup. */
export function mailCard(setup: FullSetup, each: number): ToolCard {
  const start = sampleMail(setup);
  const inbox = start.messages.filter(({ folder }) => folder === "inbox");
  const nameOf = (address: string): string => start.contacts.find((contact) => contact.address === address)!.name;
  const sent = (state: unknown): Message[] =>
    (state as MailState).messages.filter(({ id }) => !start.messages.some((message) => message.id === id));
  const isUntouched = (state: unknown): boolean => kept(start, state as MailState, () => false);
  const onePer = (random: Random): Message => random.pick(start.messages);

  /** Checks that one message was sent, and nothing else changed. */
  function sends(instruction: string, expert: TaskParts["expert"], fits: (message: Message) => boolean): TaskParts {
    return {
      instruction,
      expert,
      succeeds: ({ state }) =>
        isUntouched(state) &&
        sent(state).length === 1 &&
        sent(state).every((message) => message.folder === "sent" && fits(message)),
    };
  }

  return makeCard("mail", setup, each, {
    fact(random) {
      const message = onePer(random);
      const topic = TOPICS.find(({ subject }) => subject === message.subject)!;
      const right = topic.facts.find((fact) => message.body.includes(fact))!;
      return {
        instruction: `${nameOf(message.from)} wrote to me about "${message.subject}": ${topic.asks}?`,
        async expert(call) {
          const { messages } = await call<Page>("mail_search", { query: `${nameOf(message.from)} ${message.subject}` });
          const { body } = await call<Message>("mail_read", { id: messages[0]!.id });
          return body;
        },
        succeeds: ({ answer }) => names(answer, [right], topic.facts),
      };
    },
    unread(random) {
      const instruction = random.pick([
        "How many unread messages are in my inbox?",
        "Count the messages in my inbox that I have not read yet.",
        "How much unread mail do I have in the inbox?",
      ]);
      return {
        instruction,
        expert: async (call) => `There are ${(await call<Page>("mail_list", { unreadOnly: true })).count}.`,
        succeeds: ({ answer }) => givesNumber(answer, inbox.filter(({ isRead }) => !isRead).length, { instruction }),
      };
    },
    send(random) {
      const { name, address } = random.pick(start.contacts);
      const [subject, text] = random.pick([
        ["Keys", "I left the keys under the blue pot."],
        ["Tickets", "I have booked two tickets for the concert."],
        ["Thank you", "Thank you for the lovely evening."],
      ] as const);
      return sends(
        `Write a mail to ${name} with the subject "${subject}" that says: ${text}`,
        async (call) => {
          const [contact] = await call<{ address: string }[]>("mail_contacts", { name });
          await call("mail_send", { to: [contact!.address], subject, body: text });
          return "The mail is sent.";
        },
        (message) => same(message.to, [address]) && mentions(message.subject, subject) && mentions(message.body, text),
      );
    },
    reply(random) {
      const message = onePer(random);
      const text = random.pick(["That suits me well.", "I will call you tomorrow.", "Many thanks, I have seen it."]);
      return sends(
        `Answer ${nameOf(message.from)}'s mail "${message.subject}" with: ${text}`,
        async (call) => {
          const { messages } = await call<Page>("mail_search", { query: `${nameOf(message.from)} ${message.subject}` });
          await call("mail_reply", { id: messages[0]!.id, body: text });
          return "The answer is sent.";
        },
        ({ to, subject, body }) =>
          same(to, [message.from]) && mentions(subject, message.subject) && mentions(body, text),
      );
    },
    file(random) {
      const message = random.pick(inbox);
      const folder = random.pick(["archive", "trash"] as const);
      return {
        instruction: `Move the message "${message.subject}" by ${nameOf(message.from)} from my inbox to the ${folder}.`,
        async expert(call) {
          const { messages } = await call<Page>("mail_list", {});
          const found = messages.find(({ from, subject }) => from === message.from && subject === message.subject)!;
          await call("mail_move", { id: found.id, folder });
          return `It is in the ${folder}.`;
        },
        succeeds: ({ state }) =>
          sent(state).length === 0 &&
          kept(start, state as MailState, ({ id }) => id === message.id) &&
          same((state as MailState).messages.find(({ id }) => id === message.id)?.folder, folder),
      };
    },
    label(random) {
      const sender = random.pick(inbox).from;
      const label = random.pick(["important", "family", "to do"]);
      const wanted = start.messages.filter(({ from, folder }) => from === sender && folder === "inbox");
      return {
        instruction: `Put the label "${label}" on every message by ${nameOf(sender)} in my inbox.`,
        async expert(call) {
          const { messages } = await call<Page>("mail_list", {});
          const found = messages.filter(({ from }) => from === sender);
          for (const { id } of found) await call("mail_label", { id, label });
          return `${found.length} labelled.`;
        },
        succeeds: ({ state }) =>
          sent(state).length === 0 &&
          kept(start, state as MailState, (message) => wanted.includes(message)) &&
          wanted.every(({ id }) => {
            const now = (state as MailState).messages.find((message) => message.id === id);
            return now?.folder === "inbox" && same(now.labels, [label]);
          }),
      };
    },
  });
}
