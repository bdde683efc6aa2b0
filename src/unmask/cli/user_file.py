"""The user's own defaults of options: a TOML file in the user's configuration folder.

A key at the top is an option of every command that has it; a table is a command, or a group of
commands: ``jobs = 8``, ``[data.validate]``. It sets options alone: what a training depends on stays
in ``params.yaml``, where git and DVC see it.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from platformdirs import user_config_path

from unmask.errors import ConfigError

VARIABLE = "UNMASK_CONFIG"
FILE = "config.toml"
REFUSED = {"set": "change params.yaml, which git and DVC keep, or give --set"}


def user_file() -> Path:
    """Return the file that ``UNMASK_CONFIG`` names, or that of the configuration folder.

    The latter may not exist.
    """
    return Path(os.environ.get(VARIABLE) or user_config_path("unmask") / FILE)


def read_user_file() -> dict[str, Any]:
    """Return what the file sets; an empty mapping if the file does not exist.

    Raises:
        ConfigError: The file that ``UNMASK_CONFIG`` names is missing, or it is not TOML.
    """
    path = user_file()
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if not os.environ.get(VARIABLE):
            return {}
        raise ConfigError(f"{VARIABLE}={path}: does not exist; create it or unset it") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:  # neither UTF-8 nor TOML
        raise ConfigError(f"{path}: is not TOML: {error}") from error


def to_default_map(values: Mapping[str, Any], root: Any) -> dict[str, Any]:
    """Return the defaults of all commands, as click takes them.

    Args:
        root: The command line's root group.

    Raises:
        ConfigError: A key is no option, or an option does not accept its value.
    """
    known = {name for command in _walk(root) for name in _options(command)}
    for name in _scalars(values):
        _require(name, known, "no command has an option")
    return _defaults_of(root, values, {}, ())


def shared_defaults(values: Mapping[str, Any], root: Any) -> dict[str, Any]:
    """Return the defaults of another program of this project: what the top of the file sets.

    Options that only `unmask` has, and tables, which are its commands, are left out.
    """
    known = {name for command in _walk(root) for name in _options(command)}
    return to_default_map({k: v for k, v in _scalars(values).items() if k in known}, root)


def _defaults_of(
    command: Any, values: Mapping[str, Any], inherited: Mapping[str, Any], path: tuple[str, ...]
) -> dict[str, Any]:
    """Return the defaults of a command and of all below it."""
    options, commands = _options(command), getattr(command, "commands", {})
    own = _scalars(values)
    for name in own if path else ():
        below = {item for part in _walk(command) for item in _options(part)}
        _require(name, below, f"[{'.'.join(path)}] has no option")
    for name, value in values.items():
        if isinstance(value, Mapping) and name not in commands:
            place = ".".join((*path, name))
            raise ConfigError(f"{user_file()}: [{place}] is no command; see `unmask --help`")
    merged = {**inherited, **own}
    result = {
        options[name].name: _checked(command, options[name], name, value)
        for name, value in merged.items()
        if name in options
    }
    for name, item in commands.items():
        table = values.get(name, {})
        result[name] = _defaults_of(item, table, merged, (*path, name))
    return result


def _scalars(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys that are no tables, spelled as options are."""
    return {
        name.replace("_", "-"): value
        for name, value in values.items()
        if not isinstance(value, Mapping)
    }


def _require(name: str, known: set[str], problem: str) -> None:
    if name in REFUSED:
        raise ConfigError(f"{user_file()}: {name} is not taken from here; {REFUSED[name]}")
    if name not in known:
        raise ConfigError(f"{user_file()}: {problem} --{name}; see `unmask --help`")


def _checked(command: Any, option: Any, name: str, value: Any) -> Any:
    """Return the value in the form that click expects, after the option has accepted it."""
    several = isinstance(value, list)
    texts = [_to_text(item) for item in (value if several else [value])]
    given = texts if option.multiple else texts[0]
    try:
        if several != option.multiple:
            raise ValueError("give a list" if option.multiple else "give one value")
        option.process_value(command.context_class(command), given)
    except Exception as error:  # click's own, which typer carries with it
        reason = getattr(error, "message", None) or str(error)
        raise ConfigError(f"{user_file()}: {name} = {value!r}: {reason}") from error
    return given


def _to_text(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    return str(Path(value).expanduser()) if str(value).startswith("~") else str(value)


def _options(command: Any) -> dict[str, Any]:
    return {
        name[2:]: item
        for item in command.params
        if item.param_type_name == "option" and not item.is_eager
        for name in item.opts
        if name.startswith("--")
    }


def _walk(command: Any) -> Iterator[Any]:
    yield command
    for item in getattr(command, "commands", {}).values():
        yield from _walk(item)
