"""What runs: receiving by SMTP, polling by POP; `machine` wires them to everything else."""
