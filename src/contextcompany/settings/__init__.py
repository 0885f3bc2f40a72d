"""Arguments and environment to one frozen object: what is recorded and where it goes."""
