/** A page on which the targets of a delta are picked: a model's tree, folded, with a box for each layer that LoRA goes to. */
import type { Site } from "@cambium/core";
import { type HostSource, hostOf } from "../host.ts";
import { findTargets, type LinearTarget } from "../targets.ts";

const escaped = (text: string): string => text.replace(/[&<>"]/g, (sign) => `&#${sign.codePointAt(0)};`);

/** What the page's program needs of a layer. */
interface Box {
  readonly path: string;
  readonly role: string;
  readonly in: number;
  readonly out: number;
}

/**
 * An HTML page, whole and without anything from elsewhere, that shows a model's layers by blocks and writes down what is picked: the
 * `targets` for `lora` and methods like it, as roles where every layer of a role is picked and as paths where not, and the scalars that a
 * LoRA of the chosen rank trains there. No weight is read: a layout is enough.
 *
 * @param model - A model, or what `modelLayout` gives.
 * @param title - Stands at the top. @default "Targets"
 * @example
 * writeFileSync("targets.html", targetPage(modelLayout(config)));
 */
export function targetPage(model: HostSource, title = "Targets"): string {
  const host = hostOf(model);
  const tables = host.sites().some(({ kind }) => kind === "embed") ? ["embed"] : [];
  const places = findTargets("targetPage", host, { targets: [...tables, "all-linear"] }, "layers and tables");
  const roles = [...new Set(places.map(({ site }) => site.role))];
  const blocks = new Map<string, LinearTarget[]>();
  for (const place of places) blocks.set(blockOf(place.site), [...(blocks.get(blockOf(place.site)) ?? []), place]);
  const data: readonly Box[] = places.map(({ site: { path, role }, input, output }) => ({
    path,
    role,
    in: input,
    out: output,
  }));
  const shown = (block: string, own: readonly LinearTarget[]): string =>
    `<details><summary>${escaped(block)}: ${own.length}</summary>${own.map(boxOf).join("")}</details>`;
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${escaped(title)}</title>
<style>body{font:15px/1.5 system-ui;max-width:52rem;margin:2rem auto;padding:0 1rem}label{display:block}details{margin:.2rem 0}small{color:#666}output{display:block;white-space:pre-wrap;font-family:monospace;background:#f4f4f4;padding:.6rem}fieldset label{display:inline-block;margin-right:1rem}</style>
<h1>${escaped(title)}</h1>
<fieldset><legend>in every block</legend>${roles.map((role) => `<label><input type="checkbox" data-role="${escaped(role)}"> ${escaped(role)}</label>`).join("")}</fieldset>
${[...blocks].map(([block, own]) => shown(block, own)).join("\n")}
<p><label>rank <input id="rank" type="number" min="1" value="8"></label></p>
<output id="picked"></output>
<script>
const places = ${JSON.stringify(data).replaceAll("<", "\\u003c")};
const boxes = [...document.querySelectorAll("[data-path]")], roles = [...document.querySelectorAll("[data-role]")];
const boxAt = new Map(boxes.map((box) => [box.dataset.path, box]));
const rank = document.getElementById("rank");
function show() {
  const of = (role) => places.filter((place) => place.role === role);
  const isPicked = ({ path }) => boxAt.get(path).checked;
  const whole = roles.map((box) => box.dataset.role).filter((role) => of(role).every(isPicked));
  for (const box of roles) {
    const own = of(box.dataset.role);
    box.checked = own.every(isPicked);
    box.indeterminate = !box.checked && own.some(isPicked);
  }
  const rest = places.filter((place) => isPicked(place) && !whole.includes(place.role)).map(({ path }) => path);
  const count = places.filter(isPicked).reduce((sum, place) => sum + rank.value * (place.in + place.out), 0);
  document.getElementById("picked").textContent = count === 0 ? "nothing is picked" : "targets: " + JSON.stringify([...whole, ...rest]) + "\\n" + count.toLocaleString("en") + " scalars";
}
for (const box of roles) box.onchange = () => { for (const place of places) if (place.role === box.dataset.role) boxAt.get(place.path).checked = box.checked; show(); };
for (const box of boxes) box.onchange = show;
rank.oninput = show;
show();
</script>
</html>
`;
}

/** What a block is called: its path up to its number. */
function blockOf({ path, layer }: Site): string {
  return layer === undefined ? "outside of blocks" : (/^.*?\.\d+(?=\.)/.exec(path)?.[0] ?? path);
}

function boxOf({ site: { path, role }, input, output }: LinearTarget): string {
  return `<label><input type="checkbox" data-path="${escaped(path)}"> ${escaped(path)} <small>${escaped(role)}, ${input} to ${output}</small></label>`;
}
