"""R9: processes that are killed while they track operations, and processes that resume them."""
