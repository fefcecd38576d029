import { callTool, toolSet } from "@cambium/tool-learning";
import { expect, test } from "vitest";
import { mail } from "./tool.ts";

async function ask(kit: ReturnType<typeof mail>, verb: string, input: object): Promise<unknown> {
  const outcome = await callTool(toolSet(kit).get(`mail_${verb}`)!, input as never);
  return outcome.ok ? outcome.value : outcome.failure.message;
}

test("reading marks a message as read, listing does not", async () => {
  const kit = mail();
  const unread = async (): Promise<unknown> =>
    ((await ask(kit, "list", { unreadOnly: true })) as { count: number }).count;
  const before = (await unread()) as number;
  const { messages } = (await ask(kit, "list", { unreadOnly: true })) as { messages: { id: string; date: string }[] };
  expect(messages.map(({ date }) => date)).toEqual(
    messages
      .map(({ date }) => date)
      .sort()
      .reverse(),
  );
  await ask(kit, "read", { id: messages[0]!.id });
  expect(await unread()).toBe(before - 1);
});

test("a message sent is found again, carries the setup's clock, and is not in the inbox", async () => {
  const kit = mail({ clock: "2027-01-01T12:30:00Z" });
  await ask(kit, "send", { to: ["nora.byrne@example.com"], subject: "Kiln", body: "The kiln is hot." });
  expect(await ask(kit, "search", { query: "nora KILN hot" })).toMatchObject({
    count: 1,
    messages: [{ folder: "sent", date: "2027-01-01T12:30Z" }],
  });
});

test("only what is in the trash is deleted", async () => {
  const kit = mail();
  const id = kit.snapshot().messages[0]!.id;
  expect(await ask(kit, "delete", { id })).toMatch("only messages of the trash");
  await ask(kit, "move", { id, folder: "trash" });
  expect(await ask(kit, "delete", { id })).toEqual({ deleted: id });
  expect(await ask(kit, "read", { id })).toMatch(`no message "${id}"`);
});

test("a snapshot put back undoes what came after it", async () => {
  const kit = mail();
  const start = kit.snapshot();
  await ask(kit, "label", { id: start.messages[0]!.id, label: "a" });
  await ask(kit, "send", { to: ["x@example.com"], subject: "s", body: "b" });
  expect(kit.snapshot()).not.toEqual(start);
  kit.restore(start);
  expect(kit.snapshot()).toEqual(start);
});

test.each([
  ["send", { to: ["nobody"], subject: "s", body: "b" }, "one mail address"],
  ["send", { to: ["a@b.c\nBcc: d@e.f"], subject: "s", body: "b" }, "one mail address"],
  ["send", { to: [], subject: "s", body: "b" }, "to"],
  ["list", { folder: "spam" }, "folder"],
])("%s of %o is refused", async (verb, input, message) => {
  expect(await ask(mail(), verb, input)).toMatch(message);
});
