"""What prints received mail: the queue, the pool of workers, and the retention of the tray."""
