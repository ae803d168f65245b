"""The dashboard: what a program did in the last minutes and hours, shown in the browser, the terminal, and reports."""
