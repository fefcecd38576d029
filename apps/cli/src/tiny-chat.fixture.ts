import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { disposeParameters, useBackend } from "@cambium/core";
import { saveGguf, saveModel } from "@cambium/models";
import { tinyChat } from "@cambium/models/testing";
import { afterAll } from "vitest";

/** A tiny language model in files. */
export interface TinyFiles {
  /** A folder for what the tests write. */
  readonly folder: string;
  /** The model as a Hugging Face folder. */
  readonly model: string;
}

/** A folder that goes away behind the tests. */
export function tinyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "cambium-chat-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Writes a tiny language model; its files go away behind the tests. */
export async function tinyChatFiles(): Promise<TinyFiles> {
  const folder = tinyFolder();
  await useBackend("cpu");
  const { model, tokenizer } = tinyChat();
  await saveModel(model, join(folder, "tiny"), { tokenizer });
  await saveGguf(model, join(folder, "tiny.gguf"), { tokenizer });
  disposeParameters(model.parameters);
  return { folder, model: join(folder, "tiny") };
}
