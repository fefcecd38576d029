import type { Json } from "@cambium/base";

/** What stands in a secret's place. */
const SCRUBBED = "[secret]";

/** Texts that look like secrets wherever they stand: keys of well-known services, tokens, private keys. */
const PATTERNS: readonly RegExp[] = [
  /\b(?:sk|pk|rk)-(?:[A-Za-z0-9]+-)*[A-Za-z0-9_-]{16,}/g, // OpenAI, Anthropic, Stripe and those who follow them
  /\bAIza[0-9A-Za-z_-]{35}\b/g, // Google
  /\b(?:ghp|gho|ghu|ghs|ghr|github_pat)_[A-Za-z0-9_]{20,}/g, // GitHub
  /\bhf_[A-Za-z0-9]{20,}\b/g, // Hugging Face
  /\bxox[abprs]-[A-Za-z0-9-]{10,}/g, // Slack
  /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g, // AWS
  /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/g, // JSON web tokens
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g,
];

/** Names before a value that is a secret; the name stays. */
const NAMED: RegExp =
  /\b(bearer\s+|(?:api[_-]?key|access[_-]?token|auth[_-]?token|password|secret)["']?\s*[:=]\s*["']?)([^\s"',;&]{8,})/gi;

/** Keys of JSON objects whose value is a secret. */
const SECRET_KEY = /^(api[_-]?key|access[_-]?token|auth(orization|[_-]?token)?|password|secret|x-api-key)$/i;

/** A text without what looks like a secret, and without the known ones. */
function scrubText(text: string, known: readonly string[]): string {
  let clean = text;
  for (const secret of known) if (secret !== "") clean = clean.replaceAll(secret, SCRUBBED);
  for (const pattern of PATTERNS) clean = clean.replace(pattern, SCRUBBED);
  return clean.replace(NAMED, (_, name: string) => `${name}${SCRUBBED}`);
}

/** A JSON value without secrets in its texts and under telling keys. */
export function scrubJson<Value extends Json>(value: Value, known: readonly string[]): Value {
  const scrub = (inner: Json): Json => {
    if (typeof inner === "string") return scrubText(inner, known);
    if (Array.isArray(inner)) return inner.map(scrub);
    if (typeof inner !== "object" || inner === null) return inner;
    const entries = Object.entries(inner).map(([key, field]): [string, Json | undefined] => {
      if (key === "base64") return [key, field]; // bytes of a file, which may look like anything
      if (typeof field === "string" && SECRET_KEY.test(key)) return [key, SCRUBBED];
      return [key, field === undefined ? undefined : scrub(field)];
    });
    return Object.fromEntries(entries);
  };
  return scrub(value) as Value;
}
