"""Views: pure functions from collected values to the documents of the model, with the time passed in."""
