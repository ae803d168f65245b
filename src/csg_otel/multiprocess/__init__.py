"""Worker processes of one program: how they find each other, publish their metrics, and answer one scrape together."""
