#!/usr/bin/perl
# Tests in Perl, with its core modules alone, that a mail arrives at the printer.
# Run it with: irsendctl run -- perl docs/examples/mailer.pl
use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;
use Net::SMTP;
use Test::More tests => 2;

# The program under test. Yours is called here.
sub send_invoice {
    my ($to) = @_;
    my $smtp = Net::SMTP->new($ENV{IRSEND_SMTP_HOST}, Port => $ENV{IRSEND_SMTP_PORT})
        or die "no printer: $@";
    $smtp->mail('shop@office.test');
    $smtp->to($to);
    $smtp->data("From: shop\@office.test\n", "To: $to\n", "Subject: Invoice 17\n", "\n", "Pay.\n");
    $smtp->quit;
}

send_invoice('scan@localhost');

# All mails, as soon as there is one, or none after ten seconds.
my $answer = HTTP::Tiny->new->get("$ENV{IRSEND_URL}/api/mails?wait=10");
my ($mail) = @{ decode_json($answer->{content}) };
is($mail->{subject}, 'Invoice 17', 'the subject names the invoice');
is_deeply($mail->{envelope}{to}, ['scan@localhost'], 'it goes to one recipient');
