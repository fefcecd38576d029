/** The two forms that the text has: pieces of the teacher's vocabulary for encoders, and bytes merged into tokens for what writes. */
import { join } from "node:path";
import { SPECIAL_PIECES } from "../encoder/special-pieces.ts";
import { teacherTokenizer } from "../encoder/teacher.ts";
import { takeVocabulary } from "../encoder/vocabulary.ts";
import { trainByteVocabulary } from "./byte-vocabulary.ts";
import { openText, type Text, type TextOptions, VOCABULARY_SIZE } from "./text.ts";

const LEAST_CHARACTER_COUNT = 50;

/** Folders and a listener. */
interface Where extends Pick<TextOptions, "report"> {
  readonly cache: string;
}

const foldersOf = (cache: string, folder: string): Pick<TextOptions, "folder" | "debian"> => ({
  folder: join(cache, folder),
  debian: join(cache, "text", "debian"),
});

/** Text as encoders read it: in small letters, in the part of the teacher's pieces that it needs. */
export const openPieces = (teacher: string, { cache, report }: Where): Promise<Text> =>
  openText({
    ...foldersOf(cache, "text"),
    report,
    isUsable: ({ teacherIds }) => teacherIds !== undefined,
    async makeVocabulary(documents) {
      const taken = takeVocabulary(await teacherTokenizer(teacher), documents, {
        size: VOCABULARY_SIZE,
        leastCharacterCount: LEAST_CHARACTER_COUNT,
      });
      return { ...taken, separator: SPECIAL_PIECES.indexOf("[SEP]") };
    },
  });

/** Text as it stands, in tokens of its own vocabulary, which knows every character. */
export const openBytes = ({ cache, report }: Where): Promise<Text> =>
  openText({
    ...foldersOf(cache, "text-bytes"),
    report,
    makeVocabulary: (documents) => trainByteVocabulary(documents, VOCABULARY_SIZE),
  });
