"""The delivery of every destination: bounded queues, persistent queues, and the spool on disk."""
