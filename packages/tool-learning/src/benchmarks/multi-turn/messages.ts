/** The messenger of the multi-turn rows: a workspace whose members send each other messages. */
import type { Json, JsonObject } from "@cambium/base";
import { isObject } from "../../json-schema/keywords.ts";
import { type BackEnd, type BackEndResult, error } from "./back-end.ts";

interface Sent {
  readonly [key: string]: Json;
  readonly id: number;
  readonly from: string;
  readonly to: string;
  readonly text: string;
}

interface Workspace {
  readonly [key: string]: Json;
  /** Ids by name. */
  readonly users: Record<string, string>;
  /** All messages, the oldest first. */
  readonly sent: Sent[];
  me: string | null;
  next: number;
}

const START: Readonly<Record<string, string>> = {
  Alice: "USR001",
  Bob: "USR002",
  Catherine: "USR003",
  Daniel: "USR004",
};

/** Messages that are there at the start: lists of one message by receiver. */
function inbox(given: unknown): readonly { readonly to: string; readonly text: string }[] {
  if (!Array.isArray(given)) return [];
  return given
    .filter(isObject)
    .flatMap((each) => Object.entries(each).map(([to, text]) => ({ to, text: String(text) })));
}

const asUser = (workspace: Workspace, work: (me: string) => BackEndResult): BackEndResult =>
  workspace.me === null ? error("no user is logged in") : work(workspace.me);

const isKnown = ({ users }: Workspace, id: string): boolean => Object.values(users).includes(id);

/** The messenger. */
export const messenger: BackEnd<Workspace> = {
  create(config: JsonObject) {
    const given = config["user_map"] ?? config["users"];
    const users = isObject(given) ? (given as Record<string, string>) : START;
    const me = typeof config["current_user"] === "string" ? config["current_user"] : null;
    const start = inbox(config["inbox"]).map(({ to, text }, i) => ({ id: 67_410 + i, from: me ?? "USR001", to, text }));
    const next = typeof config["message_count"] === "number" ? config["message_count"] : start.length;
    return { users: { ...users }, sent: start, me, next: 67_410 + Math.max(next, start.length) };
  },
  functions: {
    add_contact: (workspace, { user_name }: { user_name: string }) =>
      asUser(workspace, () => {
        if (Object.hasOwn(workspace.users, user_name)) return error(`"${user_name}" is a contact already`);
        const numbers = Object.values(workspace.users).map((id) => Number(/\d+/.exec(id)?.[0] ?? 0));
        const id = `USR${String(Math.max(0, ...numbers) + 1).padStart(3, "0")}`;
        workspace.users[user_name] = id;
        return { added_status: true, user_id: id, message: `"${user_name}" was added` };
      }),
    delete_message: (workspace, { receiver_id }: { receiver_id: string }) =>
      asUser(workspace, (me) => {
        const at = workspace.sent.findLastIndex(({ from, to }) => from === me && to === receiver_id);
        if (at < 0) return error(`there is no message to ${receiver_id}`);
        workspace.sent.splice(at, 1);
        return { deleted_status: true, receiver_id, message: "the latest message was deleted" };
      }),
    get_message_stats: (workspace) =>
      asUser(workspace, (me) => {
        const own = workspace.sent.filter(({ from }) => from === me);
        return {
          stats: {
            sent_count: own.length,
            received_count: workspace.sent.filter(({ to }) => to === me).length,
            total_contacts: new Set(own.map(({ to }) => to)).size,
          },
        };
      }),
    get_user_id: ({ users }, { user }: { user: string }) =>
      Object.hasOwn(users, user) ? { user_id: users[user]! } : error(`there is no user "${user}"`),
    list_users: ({ users }) => ({ user_list: Object.keys(users) }),
    message_get_login_status: ({ me }) => ({ login_status: me !== null }),
    message_login(workspace, { user_id }: { user_id: string }) {
      if (!isKnown(workspace, user_id)) return { login_status: false, message: `there is no user ${user_id}` };
      workspace.me = user_id;
      return { login_status: true, message: `${user_id} is logged in` };
    },
    search_messages: (workspace, { keyword }: { keyword: string }) =>
      asUser(workspace, (me) => ({
        results: workspace.sent
          .filter(({ from, text }) => from === me && text.toLowerCase().includes(keyword.toLowerCase()))
          .map(({ to, text }) => ({ receiver_id: to, message: text })),
      })),
    send_message: (workspace, { receiver_id, message }: { receiver_id: string; message: string }) =>
      asUser(workspace, (me) => {
        if (!isKnown(workspace, receiver_id)) return error(`there is no user ${receiver_id}`);
        const id = workspace.next++;
        workspace.sent.push({ id, from: me, to: receiver_id, text: message });
        return { sent_status: true, message_id: id, message: `sent to ${receiver_id}` };
      }),
    view_messages_sent: (workspace) =>
      asUser(workspace, (me) => {
        const messages: Record<string, string[]> = {};
        for (const { from, to, text } of workspace.sent)
          if (from === me) messages[to] = [...(messages[to] ?? []), text];
        return { messages };
      }),
  },
};
