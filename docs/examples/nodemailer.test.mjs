// Tests in JavaScript of a program that sends by nodemailer, under TLS that is verified.
// Run it with: npm install nodemailer && irsendctl run -- node --test nodemailer.test.mjs
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import nodemailer from "nodemailer";

const { IRSEND_SMTP_HOST, IRSEND_SMTP_PORT, IRSEND_URL, IRSEND_CA_FILE } = process.env;

// The program under test. Yours is imported here.
async function sendInvoice(transport, to) {
  await transport.sendMail({
    from: "The shop <shop@office.test>",
    to,
    subject: "Invoice 17",
    text: "Please pay 9.50 euros.",
    attachments: [{ filename: "invoice-17.csv", content: "number,euros\n17,9.50\n" }],
  });
}

test("the invoice arrives with its table", async () => {
  const transport = nodemailer.createTransport({
    host: IRSEND_SMTP_HOST,
    port: Number(IRSEND_SMTP_PORT),
    requireTLS: true,
    tls: { ca: readFileSync(IRSEND_CA_FILE) },
  });
  await sendInvoice(transport, "scan@localhost");

  // All mails, as soon as there is one, or none after ten seconds.
  const answer = await fetch(new URL("/api/mails?wait=10", IRSEND_URL));
  const [mail] = await answer.json();
  assert.equal(mail.subject, "Invoice 17");
  assert.deepEqual(mail.envelope.to, ["scan@localhost"]);
  const [table] = mail.attachments;
  assert.equal(table.name, "invoice-17.csv");
  const part = await fetch(new URL(`/api/mails/${mail.id}/parts/${table.part}`, IRSEND_URL));
  assert.equal(await part.text(), "number,euros\n17,9.50\n");
});
