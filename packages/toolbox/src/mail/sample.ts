import { seeded } from "../random.ts";
import type { FullSetup } from "../setup.ts";

/** A message. */
export type Message = {
  id: string;
  folder: "inbox" | "sent" | "archive" | "trash";
  from: string;
  to: string[];
  subject: string;
  body: string;
  /** Instant in UTC, `2026-03-02T09:00Z`. */
  date: string;
  isRead: boolean;
  labels: string[];
};

/** Somebody known. */
export type Contact = { name: string; address: string };

/** A mail box. */
export type MailState = {
  owner: string;
  contacts: Contact[];
  messages: Message[];
  /** Number of the next message. */
  next: number;
};

const PEOPLE = [
  "Mara Lindqvist",
  "Tomas Okafor",
  "Priya Raman",
  "Jakob Weiss",
  "Elena Castro",
  "Samir Haddad",
  "Yuki Tanaka",
  "Nora Byrne",
];
const OWNER = "robin@example.com";

interface Topic {
  readonly subject: string;
  readonly body: (fact: string) => string;
  readonly facts: readonly string[];
  /** What the fact tells. */
  readonly asks: string;
}

/** What the messages are about; each has one fact that can be asked for. */
export const TOPICS: readonly Topic[] = [
  {
    subject: "Train on Friday",
    body: (fact) => `Hi Robin, my train arrives at ${fact}. Could you pick me up at the station?`,
    facts: ["16:42", "17:05", "18:31", "19:12"],
    asks: "at what time does the train arrive",
  },
  {
    subject: "Invoice for the roof",
    body: (fact) => `Dear Robin, the roof is done. The total comes to ${fact} euros, due within two weeks.`,
    facts: ["2480", "3125", "1890", "4260"],
    asks: "how many euros does the roof cost",
  },
  {
    subject: "New door code",
    body: (fact) => `Hello, from Monday on the code of the front door is ${fact}. Please do not pass it on.`,
    facts: ["4417", "9052", "3386", "7741"],
    asks: "what is the new code of the front door",
  },
  {
    subject: "Dinner at ours",
    body: (fact) => `We would love to have you over on ${fact}. Bring nothing but an appetite.`,
    facts: ["Saturday", "Sunday", "Thursday", "Tuesday"],
    asks: "on which day of the week is the dinner",
  },
  {
    subject: "Paint for the kitchen",
    body: (fact) => `I went through the samples again and I like ${fact} best. Shall I order it?`,
    facts: ["sage green", "pale yellow", "slate blue", "terracotta"],
    asks: "which colour is liked best for the kitchen",
  },
  {
    subject: "Parcel at the neighbour's",
    body: (fact) => `Your parcel was left with ${fact} on the second floor.`,
    facts: ["Mr Novak", "Ms Ferrari", "Mr Petersen", "Ms Dubois"],
    asks: "who has the parcel",
  },
  {
    subject: "Minutes of the meeting",
    body: (fact) =>
      `Please find the minutes below. The budget for the fair was set to ${fact} euros; the rest is as discussed.`,
    facts: ["15000", "22000", "18500", "9000"],
    asks: "how many euros is the budget for the fair",
  },
  {
    subject: "Room for the workshop",
    body: (fact) => `The workshop has been moved to ${fact}. The time stays the same.`,
    facts: ["room B12", "room C04", "room A31", "room D07"],
    asks: "to which room was the workshop moved",
  },
];

/** The address of a name. */
function addressOf(name: string): string {
  return `${name.toLowerCase().replace(" ", ".")}@example.com`;
}

/** The mail box of a seed: sixteen messages of the last ten days. */
export function sampleMail({ seed, clock }: FullSetup): MailState {
  const random = seeded(seed, "mail");
  const contacts = PEOPLE.map((name) => ({ name, address: addressOf(name) }));
  const now = Date.parse(clock);
  const senders = [...random.sample(PEOPLE, 8), ...random.sample(PEOPLE, 8)];
  const topics = [...random.sample(TOPICS, 8), ...random.sample(TOPICS, 8)];
  const seen = new Set<string>();
  const messages = topics.flatMap(({ subject, body, facts }, i) => {
    const from = addressOf(senders[i]!);
    const key = `${from}/${subject}`;
    if (seen.has(key)) return []; // one message by one person on one subject, so that it can be asked for
    seen.add(key);
    const date = new Date(now - (i + 1) * 14 * 3_600_000 - random.integer(1, 700) * 60_000);
    const message: Message = {
      id: `m${String(100 + topics.length - i)}`,
      folder: i < 12 ? "inbox" : "archive",
      from,
      to: [OWNER],
      subject,
      body: body(random.pick(facts)),
      date: `${date.toISOString().slice(0, 16)}Z`,
      isRead: i >= 5,
      labels: [],
    };
    return [message];
  });
  return { owner: OWNER, contacts, messages, next: 200 };
}
