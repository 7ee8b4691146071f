#!/bin/sh
# Tests in shell that a mail arrives at the printer: curl sends and asks, jq reads the answers.
# Run it with: sh docs/examples/mail.sh
set -eu

smtp=smtp://${IRSEND_SMTP_HOST:-127.0.0.1}:${IRSEND_SMTP_PORT:-2525}
printer=${IRSEND_URL:-http://127.0.0.1:8631}
# Of this run alone: the printer takes any local part at its own names.
to=test-$$@localhost

fail() {
    echo "mail.sh: $1" >&2
    exit 1
}

# The program under test. Yours is called here.
curl -sS --crlf -T - "$smtp" --mail-from shop@office.test --mail-rcpt "$to" <<END
From: The shop <shop@office.test>
To: $to
Subject: Invoice 17

Please pay 9.50 euros.
END

# All mails to this address, as soon as there is one, or none after ten seconds.
mails=$(curl -sS --fail-with-body -G "$printer/api/mails" -d wait=10 --data-urlencode "to=$to")
[ "$(printf %s "$mails" | jq length)" = 1 ] || fail "one mail was expected, these came: $mails"

subject=$(printf %s "$mails" | jq -r '.[0].subject')
[ "$subject" = "Invoice 17" ] || fail "the subject is: $subject"

# One mail alone has its headers and its text, too.
id=$(printf %s "$mails" | jq -r '.[0].id')
curl -sS --fail-with-body "$printer/api/mails/$id" |
    jq -e '.text | contains("9.50 euros")' >/dev/null || fail "the text does not say what to pay"

# The mail as it came over the wire.
curl -sS --fail-with-body "$printer/api/mails/$id/raw" |
    grep -q '^Subject: Invoice 17' || fail "the raw mail has no such subject"

curl -sS --fail-with-body -X DELETE "$printer/api/mails/$id"
echo "mail.sh: Invoice 17 has arrived"
