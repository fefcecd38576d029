/**
 * Signs that a description speaks to the model instead of describing. A list of signs is never complete, and a description may
 * be honest and show one: so what is found is shown to a person, and what is not found is no proof. Every expression is bounded,
 * so that a long description costs no more than its length.
 */

interface Sign {
  readonly what: string;
  readonly expression: RegExp;
}

const SECRET =
  "(?:system prompt|conversation|chat history|previous messages|secrets?|credentials?|api[ _-]?keys?|private keys?|passwords?|access tokens?|environment variables?)";

const SIGNS: readonly Sign[] = [
  {
    what: "tells the model to ignore what it was told",
    expression:
      /\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:previous|prior|above|earlier|all|other|any|your|the|system|safety)\b.{0,30}\b(?:instructions?|prompts?|rules?|messages?|guidelines?|policy|policies)\b/is,
  },
  {
    what: "has marks of a system message",
    expression:
      /<\s*\/?\s*(?:important|system|instructions?|secret|hidden|admin|assistant|override|critical)\b[^>]{0,80}>|\[\/?INST\]|<\|im_(?:start|end)\|>|<\|[a-z_]{2,30}\|>/i,
  },
  {
    what: "tells the model to keep something from the user",
    expression:
      /\b(?:do not|don't|never|without|must not|should not|avoid)\b.{0,30}\b(?:tell|telling|mention|mentioning|inform|informing|reveal|revealing|show|notify|notifying|disclose|disclosing|alert|alerting)\b.{0,40}\b(?:the )?users?\b|\b(?:hide|conceal|keep)\b.{0,30}\bfrom the user\b/is,
  },
  {
    what: "says how other tools are to be used",
    expression:
      /\b(?:before|whenever|instead of|after|when)\b.{0,30}\b(?:using|calling|use|call|invoking|invoke)\b.{0,20}\b(?:any|all|every|each|other)\b.{0,15}\btools?\b/is,
  },
  {
    what: "names files that hold secrets",
    expression:
      /~\/\.|\/etc\/(?:passwd|shadow)|\bid_(?:rsa|ed25519|ecdsa)\b|\.ssh\b|\.aws\/|\.netrc\b|\bmcp\.json\b|\.cursor\/|\.env\b|\bkeychain\b/i,
  },
  {
    what: "asks for what the tool does not need to know",
    expression: new RegExp(
      `\\b(?:send|forward|upload|post|exfiltrate|copy|include|append|pass|bcc|attach|provide|put|place|insert)\\b.{0,60}\\b${SECRET}\\b|\\b${SECRET}\\b.{0,40}\\b(?:in|into|to|as|via)\\b.{0,20}\\b(?:parameter|argument|field|url|header|sidenote)\\b`,
      "is",
    ),
  },
  {
    what: "shows an image from elsewhere, by which text can leave",
    expression: /!\[[^\]]{0,200}\]\(\s*https?:|<img\b/i,
  },
  {
    what: "gives the model a role",
    expression:
      /\b(?:you are now|new instructions?\s*:|from now on,? you|pretend to be|you must (?:always|first) (?:call|use|read|send))\b/i,
  },
  { what: "has a long text in code", expression: /[A-Za-z0-9+/=_-]{200,}/ },
  {
    what: "has text far below or far to the right, out of sight",
    expression: /(?:\n[ \t]{0,8}){20}|[ \t\u00A0\u2000-\u200A\u3000]{100}/,
  },
];

/** Characters around a sign that are shown. */
const AROUND = 30;

/** Longest text that is read. Longer ones are reported for their length. Characters. */
const LONGEST = 16_384;

interface Found {
  readonly what: string;
  readonly excerpt: string;
}

/** What a text has that a description needs not have. */
export function signsOf(text: string): readonly Found[] {
  const isLong = text.length > LONGEST;
  const plain = text.slice(0, LONGEST).normalize("NFKC");
  const found: Found[] = isLong
    ? [{ what: `has ${text.length} characters, more than a person reads`, excerpt: "" }]
    : [];
  return [...found, ...signsIn(plain)];
}

function signsIn(plain: string): readonly Found[] {
  return SIGNS.flatMap(({ what, expression }) => {
    const found = expression.exec(plain);
    if (found === null) return [];
    const from = Math.max(0, found.index - AROUND);
    const excerpt = plain.slice(from, found.index + Math.min(found[0].length, 120) + AROUND);
    return [{ what, excerpt: excerpt.replaceAll(/\s+/g, " ").trim() }];
  });
}
