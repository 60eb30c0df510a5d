"""How a request is sent: one seam over the caller's own HTTP client."""
