"""How a request is sent: the `Transport` interface and its implementation over the caller's HTTP client."""
