"""Logs go to stderr: for people on a terminal, as JSON lines anywhere else. stdout belongs to the command's answer."""

import logging
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger


def configure_logs() -> None:
    """Send structlog's and the standard library's records (from WARNING on) to stderr in one form."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if sys.stderr.isatty()
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_template_only, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def _template_only(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # Libraries put peers' addresses and paths with tokens into their messages; we keep the message without its values.
    record: logging.LogRecord = event["_record"]
    event["event"] = str(record.msg)
    event["logger"] = record.name
    return event
