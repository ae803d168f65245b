"""The panes of the terminal dashboard: each turns documents into rows, and knows no widget."""
