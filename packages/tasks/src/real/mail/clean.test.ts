import { expect, test } from "vitest";
import { cleanMail } from "./clean.ts";

const headers = "From a@b Thu Aug 22 13:17:22 2002\nSubject: secret subject\nX-List: secret\n";

test("no header reaches the text", async () => {
  expect(await cleanMail(`${headers}\nHello there.\n`)).toBe("Hello there.");
});

test("quoted-printable and base64 are decoded", async () => {
  expect(
    await cleanMail(
      `${headers}Content-Type: text/plain; charset="iso-8859-1"\nContent-Transfer-Encoding: quoted-printable\n\ncaf=E9 at=\n noon`,
    ),
  ).toBe("café at noon");
  expect(
    await cleanMail(
      `${headers}Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n${btoa("plain words")}\n`,
    ),
  ).toBe("plain words");
});

test("HTML becomes its text, whether declared or not", async () => {
  const page =
    '<html><style>p { color: red }</style><body><p>Save <b>now</b></p><a href="http://x.example">here</a></body></html>';
  expect(await cleanMail(`${headers}Content-Type: text/html\n\n${page}`)).toBe("Save now\n\nhere");
  expect(await cleanMail(`${headers}\n${page}`)).toBe("Save now\n\nhere");
});

test("of several parts the plain text is taken and attachments are not", async () => {
  const part = (type: string, body: string): string => `--cut\nContent-Type: ${type}\n\n${body}\n`;
  const raw = `${headers}MIME-Version: 1.0\nContent-Type: multipart/alternative; boundary="cut"\n\n${part("text/plain", "words")}${part("text/html", "<p>markup</p>")}${part("image/gif", "R0lGOD")}--cut--\n`;
  expect(await cleanMail(raw)).toBe("words");
});

test("footers of lists and signatures are dropped, rules inside a message are not", async () => {
  expect(
    await cleanMail(
      `${headers}\nbody\n-- \nme\n${"_".repeat(40)}\nlist mailing list\nhttp://x.example/mailman/listinfo/list\n`,
    ),
  ).toBe("body");
  const long = `${"_".repeat(40)}\n${"line\n".repeat(20)}end`;
  expect(await cleanMail(`${headers}\n${long}`)).toBe(long);
});
