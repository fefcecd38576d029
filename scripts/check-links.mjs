// Checks that every link in the Markdown files to another file or heading of this repository leads somewhere.
// Links to other sites are not followed: they would need the network. usage: node scripts/check-links.mjs
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { markdownFiles, root } from "./workspace.mjs";

const home = /^https:\/\/github\.com\/cambium-ai\/cambium\/(?:blob|tree)\/main\//;
const links = [/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g, /^\s*\[[^\]]+\]:\s+(\S+)/gm, /(?:href|src)="([^"]+)"/g];

const fenced = /^[ \t]*(```+|~~~+)[\s\S]*?^[ \t]*\1/gm;
const withoutCode = (text) => text.replace(fenced, "").replace(/`[^`\n]*`/g, "");

/** The anchors GitHub gives to a file's headings. */
function anchors(path) {
  const seen = new Map();
  const text = readFileSync(path, "utf8").replace(fenced, "");
  return [...text.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)].map(([, heading]) => {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").toLowerCase();
    const slug = plain.replace(/[^\p{Letter}\p{Number}\p{Mark}\s_-]/gu, "").replaceAll(" ", "-");
    const count = seen.get(slug) ?? 0;
    seen.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
}

function problem(file, link) {
  const [path, anchor] = link.split("#");
  const target = home.test(link)
    ? join(root, path.replace(home, ""))
    : path === ""
      ? join(root, file)
      : join(root, dirname(file), path);
  if (!existsSync(target)) return `${relative(root, target)} does not exist`;
  if (anchor && target.endsWith(".md") && !anchors(target).includes(anchor))
    return `${relative(root, target)} has no heading #${anchor}`;
  return undefined;
}

const files = markdownFiles();
const broken = files.flatMap((file) => {
  const text = withoutCode(readFileSync(join(root, file), "utf8"));
  return links
    .flatMap((pattern) => [...text.matchAll(pattern)].map((match) => match[1]))
    .filter((link) => home.test(link) || !/^[a-z][a-z+.-]*:/i.test(link))
    .map((link) => ({ link, reason: problem(file, decodeURI(link)) }))
    .filter(({ reason }) => reason !== undefined)
    .map(({ link, reason }) => `${file}: ${link}: ${reason}`);
});
console.log(broken.length === 0 ? `links of ${files.length} Markdown files lead somewhere` : broken.join("\n"));
process.exitCode = broken.length === 0 ? 0 : 1;
