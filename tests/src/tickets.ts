/** A made-up table of support tickets, with all that real ones have: quotes, line ends, emoji, empty texts, a rare class. */
import { random } from "@cambium/core";

const openings = ["Hi", "Hello there", "Dear team", "Good morning", "hey 👋", "To whom it may concern", "", "URGENT"];
const closings = [
  "Thanks!",
  "Regards, Kim",
  "please help 🙏",
  "Waiting for your answer.",
  "",
  'Sent from my "phone"',
  "— J.",
  "Cheers",
];
const products = [
  "the desk lamp",
  "my kettle",
  "the blue backpack",
  "our printer",
  "a pair of headphones",
  "the garden chair",
  "my watch",
  "the router",
];
const times = [
  "yesterday",
  "last Monday",
  "two weeks ago",
  "this morning",
  "on 3 May",
  "since the update",
  "after lunch",
  "a month ago",
];

/** What people write about, by class; {p} is a product and {t} a time. */
const bodies: Readonly<Record<string, readonly string[]>> = {
  billing: [
    "I was charged twice for {p} {t}, see the statement of my card.",
    "The invoice for {p} shows the wrong amount; the price was lower {t}.",
    "Why did you take money from my account {t}? I never ordered {p}.",
    "Please send me a receipt with tax for {p}, paid {t}.",
    "My refund for {p} was promised {t} and the money has not arrived.",
    "The discount code did not reduce the total when I paid for {p} {t}.",
  ],
  delivery: [
    "{p} was to arrive {t} and the courier never came.",
    "Tracking says that {p} was delivered {t}, nobody here has the parcel.",
    "The box with {p} came {t}, crushed and open.",
    "Can {p} be shipped to another address? I moved {t}.",
    "The driver left {p} in the rain {t} beside the wrong door.",
    "Half of the package is missing: {p} was not inside when it came {t}.",
  ],
  technical: [
    "{p} does not switch on any more, it stopped {t} with a click.",
    "Since {t} {p} makes a loud noise and gets very hot.",
    "The app cannot find {p}; the connection broke {t} with error 41.",
    'How do I reset {p}? The manual says "hold the button", nothing happened {t}.',
    "The screen of {p} went black {t} and shows lines now.",
    "{p} loses its battery within an hour, it was fine {t}.",
  ],
  account: [
    "I cannot log in {t}, the password mail never comes. My last order was {p}.",
    "Please delete my profile and all data; I only bought {p} {t}.",
    "Somebody changed the mail address of my account {t} and looked at {p}.",
  ],
};

/** Rows of each class. */
const COUNTS: Readonly<Record<string, number>> = { billing: 130, delivery: 120, technical: 110, account: 40 };

const field = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/**
 * The table: `id,message,queue`, 400 rows with a byte order mark and CRLF, of which every fiftieth has no text, and one in twenty another
 * class than it should.
 */
export function tickets(seed = 1): string {
  const rows = Object.entries(COUNTS).flatMap(([queue, count]) =>
    Array.from({ length: count }, (_, i) => {
      const key = random(seed).at(queue).at(i);
      const pick = (list: readonly string[], name: string): string => list[key.at(name).integers(1, list.length)[0]!]!;
      const body = pick(bodies[queue]!, "body")
        .replace("{p}", pick(products, "product"))
        .replace("{t}", pick(times, "time"));
      return {
        queue,
        message: [pick(openings, "opening"), body, pick(closings, "closing")].filter((part) => part !== "").join("\n"),
      };
    }),
  );
  const order = Array.from(random(seed).at("order").permutation(rows.length));
  const lines = order.map((from, i) => {
    const { queue, message } = rows[from]!;
    const written = i % 20 === 7 ? (queue === "billing" ? "delivery" : "billing") : queue;
    return [String(1000 + i), field(i % 50 === 49 ? " " : message), written].join(",");
  });
  return `\uFEFF${["id,message,queue", ...lines].join("\r\n")}\r\n`;
}
