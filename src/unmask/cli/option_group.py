"""Option groups: a command takes many options as one record."""

import inspect
from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from typing import Any, get_type_hints


def expand_options(parameter: str, group: type) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a command whose argument ``parameter`` is a data class of Typer options.

    Each field becomes an option of the command, with the field's default.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        hints = get_type_hints(group, include_extras=True)
        names = [field.name for field in fields(group)]
        signature = inspect.signature(command, eval_str=True)
        own = [item for name, item in signature.parameters.items() if name != parameter]
        options = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=field.default,
                annotation=hints[field.name],
            )
            for field in fields(group)
        ]

        @wraps(command)
        def expanded(**values: Any) -> Any:
            record = group(**{name: values.pop(name) for name in names if name in values})
            return command(**values, **{parameter: record})

        parameters = [*own, *options]
        expanded.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        expanded.__annotations__ = {item.name: item.annotation for item in parameters}
        return expanded

    return decorate
