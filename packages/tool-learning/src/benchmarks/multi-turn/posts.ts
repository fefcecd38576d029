/** The posting service of the multi-turn rows. */
import type { Json, JsonObject } from "@cambium/base";
import { isObject } from "../../json-schema/keywords.ts";
import { type BackEnd, type BackEndResult, error } from "./back-end.ts";

interface Post {
  [key: string]: Json;
  readonly id: number;
  readonly username: string;
  readonly content: string;
  readonly tags: string[];
  mentions: string[];
}

interface Posting {
  readonly [key: string]: Json;
  readonly username: string;
  readonly password: string;
  isIn: boolean;
  readonly posts: Record<string, Post>;
  readonly comments: Record<string, JsonObject[] & Json>;
  readonly retweets: Record<string, number[]>;
  following: string[];
  next: number;
}

const asUser = (service: Posting, work: () => BackEndResult): BackEndResult =>
  service.isIn ? work() : error("nobody is authenticated; log in first");

const withPost = (service: Posting, id: number, work: (post: Post) => BackEndResult): BackEndResult => {
  const post = Object.hasOwn(service.posts, String(id)) ? service.posts[String(id)] : undefined;
  return post === undefined ? error(`there is no tweet ${id}`) : work(post);
};

const texts = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** The posting service. */
export const posting: BackEnd<Posting> = {
  create(config: JsonObject) {
    const {
      username,
      password,
      authenticated,
      tweets,
      comments,
      retweets,
      following_list: following,
      tweet_counter: next,
    } = config;
    const given = isObject(tweets) ? Object.entries(tweets) : [];
    const posts = given.map(([id, post]) => {
      const { username: by, content, tags, mentions } = Object(post) as Record<string, unknown>;
      return [
        id,
        {
          id: Number(id),
          username: String(by),
          content: String(content),
          tags: texts(tags),
          mentions: texts(mentions),
        },
      ] as const;
    });
    return {
      username: typeof username === "string" ? username : "john",
      password: typeof password === "string" ? password : "john123",
      isIn: authenticated === true,
      posts: Object.fromEntries(posts),
      comments: isObject(comments) ? (structuredClone(comments) as never) : {},
      retweets: isObject(retweets) ? (structuredClone(retweets) as never) : {},
      following: texts(following),
      next: typeof next === "number" ? next : posts.length,
    };
  },
  functions: {
    authenticate_twitter(service, { username, password }: { username: string; password: string }) {
      const isRight = username === service.username && password === service.password;
      if (isRight) service.isIn = true;
      return { authentication_status: isRight };
    },
    comment: (service, { tweet_id, comment_content }: { tweet_id: number; comment_content: string }) =>
      asUser(service, () =>
        withPost(service, tweet_id, () => {
          const before = service.comments[tweet_id] ?? [];
          service.comments[tweet_id] = [...before, { username: service.username, content: comment_content }] as never;
          return { comment_status: "the comment was added" };
        }),
      ),
    follow_user: (service, { username_to_follow: who }: { username_to_follow: string }) =>
      asUser(service, () => {
        if (service.following.includes(who)) return { follow_status: false };
        service.following = [...service.following, who];
        return { follow_status: true };
      }),
    get_tweet: (service, { tweet_id }: { tweet_id: number }) =>
      withPost(service, tweet_id, (post) => structuredClone(post)),
    get_tweet_comments: (service, { tweet_id }: { tweet_id: number }) =>
      withPost(service, tweet_id, () => ({ comments: structuredClone(service.comments[tweet_id] ?? []) })),
    get_user_stats: (service, { username }: { username: string }) => ({
      tweet_count: Object.values(service.posts).filter((post) => post.username === username).length,
      following_count: username === service.username ? service.following.length : 0,
      retweet_count: service.retweets[username]?.length ?? 0,
    }),
    get_user_tweets: (service, { username }: { username: string }) => ({
      user_tweets: structuredClone(Object.values(service.posts).filter((post) => post.username === username)),
    }),
    list_all_following: (service) => asUser(service, () => ({ following_list: [...service.following] })),
    mention: (service, { tweet_id, mentioned_usernames: names }: { tweet_id: number; mentioned_usernames: string[] }) =>
      withPost(service, tweet_id, (post) => {
        post.mentions = [...post.mentions, ...names];
        return { mention_status: "the users were mentioned" };
      }),
    post_tweet: (
      service,
      { content, tags = [], mentions = [] }: { content: string; tags?: string[]; mentions?: string[] },
    ) =>
      asUser(service, () => {
        const post: Post = { id: service.next, username: service.username, content, tags, mentions };
        service.posts[String(service.next++)] = post;
        return structuredClone(post);
      }),
    posting_get_login_status: ({ isIn }) => ({ login_status: isIn }),
    retweet: (service, { tweet_id }: { tweet_id: number }) =>
      asUser(service, () =>
        withPost(service, tweet_id, () => {
          const own = service.retweets[service.username] ?? [];
          if (own.includes(tweet_id)) return { retweet_status: "it was retweeted already" };
          service.retweets[service.username] = [...own, tweet_id];
          return { retweet_status: "it was retweeted" };
        }),
      ),
    search_tweets: ({ posts }, { keyword }: { keyword: string }) => ({
      matching_tweets: structuredClone(
        Object.values(posts).filter(({ content, tags }) =>
          [content, ...tags].some((text) => text.toLowerCase().includes(keyword.toLowerCase())),
        ),
      ),
    }),
    unfollow_user: (service, { username_to_unfollow: who }: { username_to_unfollow: string }) =>
      asUser(service, () => {
        if (!service.following.includes(who)) return { unfollow_status: false };
        service.following = service.following.filter((name) => name !== who);
        return { unfollow_status: true };
      }),
  },
};
