import { DARK_INK, DARK_PAGE, LIGHT_INK, LIGHT_PAGE, PALETTE } from "./palette.ts";

/** The style sheet of a report: light, dark and on paper; no fonts or pictures from elsewhere. */
export const STYLE_SHEET: string = `:root{color-scheme:light dark;--page:${LIGHT_PAGE};--ink:${LIGHT_INK};--soft:#58626c;--line:#dce1e6;--fill:#f5f7f8;--accent:${PALETTE[0]!}}
@media (prefers-color-scheme:dark){:root{--page:${DARK_PAGE};--ink:${DARK_INK};--soft:#9ba5af;--line:#30373f;--fill:#1b2127}}
*{box-sizing:border-box}
html{background:var(--page);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;-webkit-text-size-adjust:100%}
body{max-width:53rem;margin:0 auto;padding:3rem 1.5rem 4rem}
header{border-bottom:1px solid var(--line);margin-bottom:2.5rem;padding-bottom:1.5rem}
header::before{content:"";display:block;width:3rem;height:4px;border-radius:2px;background:var(--accent);margin-bottom:1.25rem}
h1{font-size:2rem;line-height:1.2;letter-spacing:-.015em;margin:0 0 .75rem;text-wrap:balance}
h2{font-size:1.3rem;line-height:1.3;margin:0 0 1rem}
section{margin:0 0 3rem}
p{margin:0 0 1rem;max-width:44rem}
header p{color:var(--soft);font-size:1.05rem;margin:0 0 .5rem}
nav{background:var(--fill);border-radius:8px;padding:1rem 1.5rem;margin:0 0 2.5rem}
nav ol{margin:0;padding-left:1.2rem;columns:2 16rem}
a{color:inherit;text-decoration-color:var(--accent);text-underline-offset:.2em}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
figure{margin:0 0 2rem}
figure svg{display:block;max-width:100%;height:auto;margin-left:-8px}
figure svg.cambium-figure{color:var(--ink)}
figcaption{color:var(--soft);font-size:.9rem;margin-top:.5rem;max-width:44rem}
.scroll{overflow-x:auto;margin:0 0 2rem}
table{border-collapse:collapse;font-size:.925rem;width:100%}
caption{text-align:left;color:var(--soft);padding-bottom:.6rem;caption-side:top}
th,td{text-align:left;padding:.45rem 1.25rem .45rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th:last-child,td:last-child{padding-right:0}
thead th{font-weight:600;border-bottom:2px solid var(--line);vertical-align:bottom}
tbody th{font-weight:500}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.settings th{font:.85rem/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;color:var(--soft);width:18rem;overflow-wrap:anywhere}
.settings td{overflow-wrap:anywhere}
pre{background:var(--fill);border-radius:8px;padding:.9rem 1.1rem;overflow-x:auto;font:.85rem/1.6 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;margin:0 0 1.5rem}
details{border:1px solid var(--line);border-radius:8px;margin:0 0 .75rem;padding:0 1.1rem}
summary{cursor:pointer;margin:0 -1.1rem;padding:.6rem 1.1rem;overflow-wrap:anywhere}
details[open]>summary{border-bottom:1px solid var(--line);margin-bottom:1rem}
details pre{white-space:pre-wrap;overflow-wrap:anywhere}
@media print{:root{--page:#fff;--ink:#000;--soft:#444;--line:#bbb;--fill:#fff}html{font-size:10.5pt}body{max-width:none;padding:0}nav{display:none}figure,tr,pre{break-inside:avoid}h2{break-after:avoid}.scroll{overflow:visible}a{text-decoration:none}}
`;
