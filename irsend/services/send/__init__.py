"""What sends mail: jobs from the glass to the outbox, the queue, each attempt, and notifications."""
