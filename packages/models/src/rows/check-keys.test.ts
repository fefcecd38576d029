import { expect, test } from "vitest";
import type { HeadConfig } from "../head-config.ts";
import type { Row } from "../row.ts";
import { checkRowKeys } from "./check-keys.ts";

const classifier: HeadConfig = { kind: "sequence-classification", labels: ["ham", "spam"] };

test.each<[HeadConfig, object, string]>([
  [
    { kind: "causal-lm" },
    { traget: "b" },
    'row 2 has "traget", which a causal-lm head does not read; is "target" meant?',
  ],
  [{ kind: "causal-lm" }, { label: "b" }, 'is "target" meant?'],
  [{ kind: "causal-lm" }, { completion: "b" }, 'is "target" meant?'],
  [classifier, { labels: "ham" }, 'is "label" meant?'],
  [{ kind: "question-answering" }, { pair: "b", answers: null }, 'is "answer" meant?'],
  [{ kind: "token-classification", labels: ["O"] }, { span: [] }, 'is "spans" meant?'],
  [{ kind: "embedding" }, { pair: "b", negative: "c" }, 'is "negatives" meant?'],
])("a row for %o with %o and nothing to learn is an error", (head, keys, message) => {
  expect(() => checkRowKeys({ text: "a", ...keys }, 2, head)).toThrow(message);
});

test.each<[HeadConfig | undefined, object]>([
  [{ kind: "causal-lm" }, { id: 3, source: "wiki" }],
  [{ kind: "causal-lm" }, { target: "b", label: "c", output: "d" }],
  [{ kind: "causal-lm" }, { label: undefined }],
  [classifier, { target: "b" }],
  [undefined, { labels: "ham" }],
])("a row for %o with %o is none", (head, keys) => {
  expect(() => checkRowKeys({ text: "a", ...keys } as Row, 0, head)).not.toThrow();
});
