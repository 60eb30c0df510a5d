"""How a request is sent: the `Transport` interface and its implementation over the caller's HTTP client.

    transport                   the interface
    client                      its implementation, `ClientTransport`
    sender                      one request through the auth, hooks and transport of the client
    library                     the names of httpx and httpx2 that azpoll uses
    request_template            requests for polls
    headers, body               the parts of an answer that are read
    failure, network_error      the failure of a request, and its text
    caller_error                exceptions out of the caller's auth and hooks
    shared_auth                 one renewal of a credential for all polls
    redirects, client_cookies   redirects and cookies of initial requests
    received_response           initial responses that the caller received
    shortcuts                   faster ways, which use private fields of other libraries

The page docs/design.md follows one operation through these modules.
"""
