"""The store: the traces, logs and values of the last minutes and hours, within a bounded memory."""
