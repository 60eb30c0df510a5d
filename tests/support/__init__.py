"""Code that several packages of tests share."""
