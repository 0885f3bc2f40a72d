"""The composition root: settings in, provider and delivery out; the life of the process."""
