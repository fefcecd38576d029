import { escapeMarkup } from "../escape.ts";

/** One slide. */
export type Slide = { title: string; text: string; bullets: string[]; code: string; svg: string; notes: string };

/** A deck of slides. */
export type Deck = { name: string; title: string; author: string; theme: "light" | "dark"; slides: Slide[] };

const COLOURS = { light: ["#ffffff", "#1c1c1e", "#0b5cad"], dark: ["#16181d", "#f2f2f2", "#7ab8ff"] } as const;

const SCRIPT = `const slides=[...document.querySelectorAll("section")];let at=Math.min(slides.length,Math.max(1,Number(location.hash.slice(1))||1))-1;
function show(to){at=Math.min(slides.length-1,Math.max(0,to));slides.forEach((s,i)=>{s.hidden=i!==at});location.replace("#"+(at+1))}
addEventListener("keydown",(e)=>{if(["ArrowRight","PageDown"," "].includes(e.key))show(at+1);else if(["ArrowLeft","PageUp"].includes(e.key))show(at-1);else if(e.key==="Home")show(0);else if(e.key==="End")show(slides.length-1)});
document.querySelector("main").addEventListener("click",(e)=>show(at+(e.clientX<innerWidth/3?-1:1)));show(at);`;

/** An SVG as a picture: as such it can neither run scripts nor reach the page. */
function picture(svg: string, title: string): string {
  return `<img alt="${escapeMarkup(title)}" src="data:image/svg+xml;base64,${Buffer.from(svg, "utf8").toString("base64")}">`;
}

function section({ title, text, bullets, code, svg }: Slide, number: number, count: number): string {
  const parts = [
    `<h2>${escapeMarkup(title)}</h2>`,
    ...text
      .split(/\n{2,}/)
      .filter((part) => part.trim() !== "")
      .map((part) => `<p>${escapeMarkup(part.trim())}</p>`),
    ...(bullets.length === 0
      ? []
      : [`<ul>${bullets.map((bullet) => `<li>${escapeMarkup(bullet)}</li>`).join("")}</ul>`]),
    ...(code === "" ? [] : [`<pre><code>${escapeMarkup(code)}</code></pre>`]),
    ...(svg === "" ? [] : [picture(svg, title)]),
  ];
  return `<section id="s${number}">${parts.join("\n")}<footer>${number} / ${count}</footer></section>`;
}

/**
 * The deck as one HTML file that opens offline: arrow keys turn the slides, and without scripts they stand one below the other.
 * All text is escaped, pictures cannot run scripts, and the page may load nothing from elsewhere.
 */
export function deckHtml({ title, author, theme, slides }: Deck): string {
  const [ground, ink, accent] = COLOURS[theme];
  const count = slides.length + 1;
  const first = `<section id="s1"><h1>${escapeMarkup(title)}</h1>${author === "" ? "" : `<p>${escapeMarkup(author)}</p>`}<footer>1 / ${count}</footer></section>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<title>${escapeMarkup(title)}</title>
<style>body{margin:0;background:${ground};color:${ink};font:1.6rem/1.4 system-ui,sans-serif}section{box-sizing:border-box;min-height:100vh;padding:6vh 8vw;position:relative}h1,h2{color:${accent}}h1{font-size:3.4rem;margin-top:25vh}pre{overflow:auto;padding:1rem;border:1px solid ${accent};font-size:1.1rem}img{max-width:100%;max-height:60vh}footer{position:absolute;right:2vw;bottom:2vh;font-size:1rem;opacity:.6}[hidden]{display:none}</style>
</head><body><main>
${[first, ...slides.map((slide, i) => section(slide, i + 2, count))].join("\n")}
</main><script>${SCRIPT}</script></body></html>
`;
}
