"""One name, one meaning: the options of all commands, and their earlier names."""

from collections import defaultdict

import pytest
import typer
from typer.testing import CliRunner

from pipelines.__main__ import app as pipelines_app
from unmask.cli.app import app
from unmask.cli.earlier_names import OPTIONS
from unmask.cli.options import PROFILE

# (option, what differs) → why it may
EXCEPTIONS = {
    ("--evidence", "help"): "package includes what draws evidence; analyze names its folder",
    ("--evidence", "default"): "package takes a flag, analyze a folder",
    ("--evidence", "type"): "package takes a flag, analyze a folder",
    ("--bundle", "help"): "verify compares a folder with a report, and has no default",
    ("--bundle", "variable"): "verify compares what is named, never a default",
    ("--json", "help"): "analyze writes it to standard output, too, given a -",
    ("--out", "help"): "names what the command makes",
    ("--out", "default"): "each command has its own folder",
    ("--phase", "default"): "phase 1 has no lip-sync and no ensemble to train or to ablate",
    ("--seed", "help"): "names what is drawn",
    ("--seed", "default"): "another one would draw other splits than the published results have",
}


def list_commands(command, path):
    """Yield every command that is not hidden, with its path."""
    for name, item in getattr(command, "commands", {}).items():
        if not item.hidden:
            yield from list_commands(item, [*path, name])
    if not hasattr(command, "commands"):
        yield " ".join(path), command


COMMANDS = {
    path: command
    for program, group in (("unmask", app), ("pipelines", pipelines_app))
    for path, command in list_commands(typer.main.get_command(group), [program])
}


def collect(attribute):
    """Return for every option the values of an attribute, each with its commands."""
    by_option = defaultdict(lambda: defaultdict(list))
    for path, command in COMMANDS.items():
        for item in command.params:
            if item.param_type_name == "option":
                by_option[max(item.opts, key=len)][str(attribute(item))].append(path)
    return by_option


ATTRIBUTES = {
    "help": lambda item: item.help,
    "default": lambda item: item.default,
    "type": lambda item: (item.type_descriptor.annotation, item.multiple, item.is_flag),
    "names": lambda item: item.opts,
    "variable": lambda item: item.envvar,
}


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_an_option_is_the_same_in_every_command(attribute):
    by_option = collect(ATTRIBUTES[attribute])
    differing = {
        name: dict(values)
        for name, values in by_option.items()
        if len(values) > 1 and (name, attribute) not in EXCEPTIONS
    }
    assert differing == {}


def test_the_default_profile_needs_no_model_hub():
    (default,) = collect(ATTRIBUTES["default"])["--profile"].items()
    assert default[0] == PROFILE == "demo"
    assert len(default[1]) > 10


@pytest.mark.parametrize("exception", EXCEPTIONS, ids=" ".join)
def test_every_exception_is_needed(exception):
    name, attribute = exception
    assert len(collect(ATTRIBUTES[attribute])[name]) > 1


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_with_a_profile_takes_settings(path):
    names = {name for item in COMMANDS[path].params for name in item.opts}
    assert ("--profile" in names) == ("--set" in names)


EARLIER = [(module, name) for module, names in OPTIONS.items() for name in names]


@pytest.mark.parametrize(("module", "name"), EARLIER, ids=" ".join)
@pytest.mark.parametrize("form", ["apart", "joined"])
def test_an_earlier_name_of_an_option_is_accepted_and_not_listed(module, name, form):
    path = module.replace("_", "-").split(".")
    current, prefix = OPTIONS[module][name]
    command = typer.main.get_command(app)
    for part in path:
        command = command.commands[part]
    given = [name, "7"] if form == "apart" else [f"{name}=7"]
    args = [*given, *_required(command, current)]
    context = command.make_context("it", args)
    parameter = next(item for item in command.params if current in item.opts)
    value = context.params[parameter.name]
    assert str(value[0] if isinstance(value, list | tuple) else value) == f"{prefix}7"
    assert f" {name} " not in CliRunner().invoke(app, [*path, "--help"]).output


def _required(command, given):
    """Return values of the other arguments and options that the command cannot do without."""
    for item in command.params:
        if item.required and given not in item.opts:
            yield from ["x"] if item.param_type_name == "argument" else [item.opts[0], "x"]


def test_arguments_after_two_dashes_are_no_options():
    command = typer.main.get_command(app).commands["data"].commands["preprocess"]
    assert command.make_context("it", ["--", "--report"]).params["source"].name == "--report"
