"""What delivers for every destination: bounded queues, persistent queues, and the spool on disk."""
