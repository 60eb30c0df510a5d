"""The operations of one tracker, from the call that begins one to its result or exception.

    session                     everything that a running tracker owns
    settings, request_options   the arguments of a call, checked
    origins, stored_text        the URLs and tokens of the caller, and the origins that are trusted
    starter                     the first state of an operation
    request_sender, bulk_start  initial requests, one or many
    record, registry            one operation, and all operations of the tracker
    outcome                     the exception and the resume token of an operation
    cancellation                the request to cancel
    overview, poll_log          counts and log lines
    hint_board                  the receiver of hints
    journal, journal_...        the rows of a journal, their writer, and recovery

The page docs/design.md follows one operation through these modules.
"""
