"""Processes that send mail with one library each, as they are told by lines on their standard input.

`python -m benchmarks.senders.with_... PORT FILE` says "ready" when all is loaded.
A line "MAILS SESSIONS" then has it send the mail in the file so many times, in so
many sessions one after the other, each with its greeting, EHLO and QUIT; it
answers with the seconds from the first connection to the last one's end. Where a
mail is not taken it ends, with the reason.
"""
