import { convert } from "html-to-text";
import PostalMime from "postal-mime";

const HTML_OPTIONS = {
  wordwrap: false as const,
  selectors: [
    { selector: "a", options: { ignoreHref: true } },
    { selector: "img", format: "skip" },
    ...["h1", "h2", "h3", "h4", "h5", "h6", "table"].map((selector) => ({
      selector,
      options: { uppercase: false, uppercaseHeaderCells: false },
    })),
  ],
};

/** Text of an HTML page: no tags, no styles, no addresses of links and pictures. */
function htmlToText(html: string): string {
  return convert(html, HTML_OPTIONS);
}

/** What a mailing list or a mail program adds below a message, which would tell the list instead of the message. */
function dropFooters(text: string): string {
  const lines = text.replace(/-{10,} Yahoo! Groups Sponsor -[\s\S]*?-{10,}~-+>/g, "").split("\n");
  const footer = lines.findLastIndex((line) => /^\s*_{20,}\s*$/.test(line));
  const body = footer >= 0 && lines.length - footer <= 12 ? lines.slice(0, footer) : lines;
  const signature = body.findIndex((line) => /^--\s*$/.test(line));
  const message = signature > 0 ? body.slice(0, signature) : body;
  return message.filter((line) => !/\/mailman\/listinfo\//.test(line)).join("\n");
}

/** One space between words, one empty line between paragraphs, none at the ends. */
function tidySpaces(text: string): string {
  return text
    .replace(/[^\S\n]+/g, " ")
    .replace(/ ?\n ?/g, "\n")
    .replace(/\n{3,}/g, "\n\n")
    .trim();
}

/**
 * The body of a raw message as text.
 *
 * All headers go, the subject too. Transfer encodings and character sets are decoded; of several parts the plain text
 * is taken, of HTML its text; attachments, signatures (RFC 3676, section 4.3) and footers of mailing lists are dropped.
 * Characters that are not ASCII in the raw message become spaces: the npm package has lost the bytes they stood for.
 *
 * @param raw - A message as stored in a Unix mailbox.
 * @returns The text, empty when the message has none.
 */
export async function cleanMail(raw: string): Promise<string> {
  const message = raw.replace(/^From .*\n/, "").replace(/[^\0-\x7f]+/g, " ");
  const { text = "", html = "" } = await PostalMime.parse(message);
  const plain = /<(html|body|table|font|br|p)\b[^>]*>/i.test(text) ? htmlToText(text) : text; // HTML declared as text
  return tidySpaces(dropFooters(plain.trim() === "" ? htmlToText(html) : plain));
}
