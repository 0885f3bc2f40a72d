"""What arrives into the tables, and what is too old or too much out of them."""
