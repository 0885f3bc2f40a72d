"""What every page is made of: templates, addresses, numbers in words, charts."""
