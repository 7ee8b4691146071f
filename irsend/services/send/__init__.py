"""What sends mail: submission of jobs, the send queue, each attempt, and notifications."""
