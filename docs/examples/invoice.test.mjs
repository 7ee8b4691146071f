// Tests in JavaScript that a mail arrives at the printer, attachment and all. No package is needed.
// Run it with: node --test docs/examples/invoice.test.mjs
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { test } from "node:test";

const smtp = {
  host: process.env.IRSEND_SMTP_HOST ?? "127.0.0.1",
  port: Number(process.env.IRSEND_SMTP_PORT ?? 2525),
};
const printer = process.env.IRSEND_URL ?? "http://127.0.0.1:8631";

// The program under test. Yours is imported here, and sends with nodemailer, say.
async function sendInvoice({ host, port }, to, table) {
  const socket = connect(port, host);
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const expect = async (code) => {
    let line;
    do line = (await lines.next()).value ?? "the connection was closed";
    while (line[3] === "-");
    if (!line.startsWith(code)) throw new Error(line);
  };
  const message = [
    "From: The shop <shop@office.test>",
    `To: ${to}`,
    "Subject: Invoice 17",
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="next"',
    "",
    "--next",
    "",
    "Please pay 9.50 euros.",
    "--next",
    "Content-Type: text/csv; charset=utf-8",
    "Content-Transfer-Encoding: base64",
    'Content-Disposition: attachment; filename="invoice-17.csv"',
    "",
    Buffer.from(table).toString("base64"),
    "--next--",
    ".",
  ].join("\r\n");

  await expect("220");
  for (const [command, code] of [
    ["EHLO shop.office.test", "250"],
    ["MAIL FROM:<shop@office.test>", "250"],
    [`RCPT TO:<${to}>`, "250"],
    ["DATA", "354"],
    [message, "250"],
    ["QUIT", "221"],
  ]) {
    socket.write(`${command}\r\n`);
    await expect(code);
  }
  socket.end();
  await once(socket, "close");
}

async function ask(path) {
  const response = await fetch(new URL(path, printer));
  assert.ok(response.ok, `${path}: ${response.status}`);
  return response;
}

test("the invoice arrives with its table", async () => {
  // Of this test alone: the printer takes any local part at its own names.
  const to = `test-${randomUUID()}@localhost`;
  await sendInvoice(smtp, to, "number,euros\n17,9.50\n");

  // All mails to this address, as soon as there is one, or none after ten seconds.
  const mails = await (await ask(`/api/mails?${new URLSearchParams({ to, wait: 10 })}`)).json();
  assert.equal(mails.length, 1);
  const [mail] = mails;
  assert.equal(mail.subject, "Invoice 17");

  const [table] = mail.attachments;
  assert.equal(table.name, "invoice-17.csv");
  assert.equal(table.type, "text/csv");
  const part = await ask(`/api/mails/${mail.id}/parts/${table.part}`);
  assert.equal(await part.text(), "number,euros\n17,9.50\n");
});
